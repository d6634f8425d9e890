/**
 * One host's own containerd with runc, driven through CRI. Shell.
 *
 * Everything is at containerd's default paths: they are the host's own (host.ts). Only control
 * groups are shared by the machine; they go below one that carries the lab's id.
 */
import {readFile, writeFile} from 'node:fs/promises';

import {CriClient} from './cri.js';
import {eventually} from './eventually.js';
import type {Host} from './host.js';
import {buildImage} from './image.js';
import type {LongProcess} from './process.js';

export const image = 'localhost/twill-lab:1';
const socket = '/run/containerd/containerd.sock';
const applets = [
  'sh',
  'cat',
  'cmp',
  'dd',
  'head',
  'ip',
  'ls',
  'nc',
  'ping',
  'ping6',
  'sleep',
  'true',
  'wget',
];

const config = `
version = 2
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${image}"
  disable_apparmor = true
  # lowering a score needs a privilege that containers of CI systems do not have
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    # plain copies: overlayfs cannot be stacked on the host's own layers
    snapshotter = "native"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;

export class Containerd {
  readonly cri: CriClient;
  readonly process: LongProcess;
  readonly cgroupParent: string;

  private constructor(host: Host, process: LongProcess, labId: string) {
    this.process = process;
    this.cri = new CriClient(host.namespace.path(socket));
    this.cgroupParent = `/${labId}/${host.name}`;
  }

  /** Resolves when it has the image and says that runtime and network are ready: CNI must be installed. */
  static async open(host: Host, labId: string): Promise<Containerd> {
    await host.writeFile('/etc/containerd/config.toml', config);
    const process = host.namespace.start(['containerd', '--config', '/etc/containerd/config.toml']);
    await process.line(line => line.includes('containerd successfully booted'), 20_000);
    const containerd = new Containerd(host, process, labId);
    await containerd.#importImage(host);
    await containerd.networkReady();
    return containerd;
  }

  async networkReady(): Promise<void> {
    const what = 'RuntimeReady and NetworkReady';
    const ready = async () => {
      const unmet = await this.cri.unmetConditions();
      if (unmet.length > 0) throw new Error(unmet.join('; '));
      return true;
    };
    await eventually(ready, {withinMs: 20_000, everyMs: 50, what});
  }

  async close(): Promise<void> {
    this.cri.close();
    await this.process.kill('SIGKILL');
  }

  async #importImage(host: Host): Promise<void> {
    const tar = buildImage({
      name: image,
      entrypoint: ['/bin/sleep', '1000000'], // also the sandbox's: it only has to stay
      files: [
        ...['bin', 'dev', 'etc', 'proc', 'sys', 'tmp'].map(
          path => ({kind: 'directory', path}) as const,
        ),
        {kind: 'file', path: 'bin/busybox', content: await readFile('/bin/busybox')},
        ...applets.map(name => ({kind: 'link', path: `bin/${name}`, target: 'busybox'}) as const),
      ],
    });
    const file = '/run/image.tar';
    await writeFile(host.namespace.path(file), tar);
    await host.run(
      ['ctr', '--namespace', 'k8s.io', 'images', 'import', '--snapshotter', 'native', file],
      {timeoutMs: 60_000},
    );
    await host.run(['rm', file]);
  }
}
