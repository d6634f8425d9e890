/**
 * An OCI image of one layer, in memory, for runtimes that have no registry: the same input gives the
 * same bytes. Pure.
 *
 * OCI image layout 1.0: a tar of `oci-layout`, `index.json` and blobs named by their SHA-256; the
 * layer is a tar as well (POSIX ustar, IEEE Std 1003.1 "pax": 512-octet headers, octal text fields).
 */
import {createHash} from 'node:crypto';

export type ImageFile =
  | {readonly kind: 'directory'; readonly path: string}
  | {readonly kind: 'link'; readonly path: string; readonly target: string}
  | {readonly kind: 'file'; readonly path: string; readonly content: Uint8Array};

export interface ImageOptions {
  readonly name: string; // localhost/name:tag
  readonly files: readonly ImageFile[];
  readonly entrypoint: readonly string[];
}

const mediaTypes = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
} as const;
const platform = {architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux'};

/** The image as `ctr image import` takes it. */
export function buildImage({name, files, entrypoint}: ImageOptions): Uint8Array {
  const layer = blob(mediaTypes.layer, packTar(files));
  const config = blob(
    mediaTypes.config,
    json({
      ...platform,
      config: {Entrypoint: entrypoint, Env: ['PATH=/bin']},
      rootfs: {type: 'layers', diff_ids: [layer.descriptor.digest]},
    }),
  );
  const manifest = blob(
    mediaTypes.manifest,
    json({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: config.descriptor,
      layers: [layer.descriptor],
    }),
  );
  const annotations = {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name,
  };
  const index = {schemaVersion: 2, manifests: [{...manifest.descriptor, annotations, platform}]};
  return packTar([
    {kind: 'file', path: 'oci-layout', content: json({imageLayoutVersion: '1.0.0'})},
    {kind: 'file', path: 'index.json', content: json(index)},
    ...[layer, config, manifest].map(({file}) => file),
  ]);
}

function blob(mediaType: string, content: Uint8Array) {
  const hash = createHash('sha256').update(content).digest('hex');
  const file: ImageFile = {kind: 'file', path: `blobs/sha256/${hash}`, content};
  return {file, descriptor: {mediaType, digest: `sha256:${hash}`, size: content.length}};
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

const blockBytes = 512;
const typeFlags = {file: '0', link: '2', directory: '5'} as const;

function packTar(files: readonly ImageFile[]): Uint8Array {
  const parts = files.flatMap(file => {
    const content = file.kind === 'file' ? file.content : new Uint8Array();
    return [
      tarHeader(file, content.length),
      content,
      new Uint8Array(-content.length & (blockBytes - 1)),
    ];
  });
  return Buffer.concat([...parts, new Uint8Array(2 * blockBytes)]);
}

/** Root's, mode 0755, at the epoch. Paths are short here, so the name field (100 octets) is enough. */
function tarHeader(file: ImageFile, size: number): Uint8Array {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, width: number) => value.toString(8).padStart(width - 1, '0') + '\0';
  header.write(file.path, 0);
  header.write(octal(0o755, 8), 100);
  header.write(octal(0, 8), 108); // uid
  header.write(octal(0, 8), 116); // gid
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136); // mtime
  header.write(' '.repeat(8), 148); // the checksum counts itself as spaces
  header.write(typeFlags[file.kind], 156);
  header.write(file.kind === 'link' ? file.target : '', 157);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, octet) => total + octet, 0);
  header.write(octal(sum, 7) + ' ', 148);
  return header;
}
