/**
 * Documents out of files, folders and stdin, YAML or JSON, several to a file. Shell. A `kind: List`
 * stands for its items. Nothing is checked here but that it can be read.
 */
import {readdir, readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {Document} from 'yaml';
import type {Path} from '../node-daemon/datastore/records/problem.js';
import type {Terminal} from './command.js';
import {CommandError} from './error.js';

export interface Manifest {
  readonly value: unknown;
  /** `pools.yaml:12`: where the field stands, or the nearest one around it. */
  readonly placeOf: (path: Path) => string;
}

export interface ManifestOptions {
  readonly recursive?: boolean;
}

/** @throws CommandError naming file and line */
export async function readManifests(
  sources: readonly string[],
  terminal: Pick<Terminal, 'readStdin'>,
  {recursive = false}: ManifestOptions = {},
): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for (const source of sources) {
    for (const file of source === '-' ? ['-'] : await findFiles(source, recursive)) {
      const text = file === '-' ? await terminal.readStdin() : await readText(file);
      manifests.push(...(await parseManifests(text, file === '-' ? 'stdin' : file)));
    }
  }
  if (manifests.length === 0) throw new CommandError(`no documents in ${sources.join(', ')}`);
  return manifests;
}

/** @throws CommandError naming file and line */
export async function parseManifests(text: string, file: string): Promise<readonly Manifest[]> {
  const {LineCounter, parseAllDocuments} = await import('yaml');
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {lineCounter: lines, prettyErrors: false});
  const documents: readonly Document[] = Array.isArray(parsed) ? parsed : [];
  const placeAt = (offset: number) => `${file}:${Math.max(1, lines.linePos(offset).line)}`;

  const faults = documents.flatMap(({errors}) => errors);
  if (faults.length > 0) {
    throw new CommandError(faults.map(({pos, message}) => `${placeAt(pos[0])}: ${message}`));
  }
  return documents.flatMap(document => {
    const value = toValue(document, file);
    if (value === null || value === undefined) return [];
    const manifest = {value, placeOf: (path: Path) => placeAt(findOffset(document, path))};
    return isList(value) ? unfold(manifest, value.items) : [manifest];
  });
}

async function findFiles(source: string, recursive: boolean): Promise<readonly string[]> {
  const isFolder = await orCommandError(async () => (await stat(source)).isDirectory());
  if (!isFolder) return [source];
  const names = await orCommandError(() => readdir(source, {recursive}));
  return names
    .filter(name => /\.(?:ya?ml|json)$/.test(name))
    .sort()
    .map(name => join(source, name));
}

function readText(file: string): Promise<string> {
  return orCommandError(() => readFile(file, 'utf8'));
}

async function orCommandError<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), {cause: error});
  }
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({maxAliasCount: 100});
  } catch (error) {
    // Aliases that point nowhere, or would unfold into gigabytes.
    throw new CommandError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isList(value: unknown): value is {readonly items: readonly unknown[]} {
  if (typeof value !== 'object' || value === null) return false;
  return 'kind' in value && value.kind === 'List' && 'items' in value && Array.isArray(value.items);
}

function unfold({placeOf}: Manifest, items: readonly unknown[]): readonly Manifest[] {
  return items.map((value, index) => ({
    value,
    placeOf: path => placeOf(['items', index, ...path]),
  }));
}

/** Offset of the key or item, or of the nearest thing around it that exists. */
function findOffset(document: Document, path: Path): number {
  let offset = startOf(document.contents) ?? document.range?.[0] ?? 0;
  for (let depth = 1; depth <= path.length; depth++) {
    const parent: unknown =
      depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const found = startOfChild(parent, path[depth - 1]);
    if (found === undefined) break;
    offset = found;
  }
  return offset;
}

function startOfChild(parent: unknown, step: string | number | undefined): number | undefined {
  if (typeof parent !== 'object' || parent === null || !('items' in parent)) return undefined;
  if (!Array.isArray(parent.items)) return undefined;
  const items: readonly unknown[] = parent.items;
  if (typeof step === 'number') return startOf(items[step]);
  const keys = items.map(item => (isPair(item) ? item.key : undefined));
  return startOf(keys.find(key => isScalar(key) && String(key.value) === step));
}

function isPair(value: unknown): value is {readonly key: unknown} {
  return typeof value === 'object' && value !== null && 'key' in value;
}

function isScalar(value: unknown): value is {readonly value: unknown} {
  return typeof value === 'object' && value !== null && 'value' in value;
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  return Array.isArray(node.range) && typeof node.range[0] === 'number' ? node.range[0] : undefined;
}
