/**
 * `twillctl apply -f FILE`. Shell; what is to be written is planned in apply-plan.ts.
 *
 * Every document is checked, alone and against what is in etcd, before the first one is written. They
 * are written in one transaction (per hundred) that fails when somebody else changed one meanwhile.
 */
import {findConflicts} from '../node-daemon/datastore/records/conflict.js';
import {resourcesPrefix} from '../node-daemon/datastore/records/keys.js';
import {
  kindOf,
  kinds,
  parseResource,
  parseStored,
  resourceKey,
  type Resource,
} from '../node-daemon/datastore/records/kind.js';
import {formatProblem, type Problem} from '../node-daemon/datastore/records/problem.js';
import {planApply, type Change, type Stored} from './apply-plan.js';
import type {Store, Terminal} from './command.js';
import {CommandError} from './error.js';
import type {Manifest} from './manifest.js';

export interface ApplyOptions {
  readonly dryRun?: boolean;
  readonly namespace?: string;
}

/** A document that is sound in itself. */
interface Checked {
  readonly manifest: Manifest;
  readonly resource: Resource;
  readonly key: string;
}

const writesPerTransaction = 100; // etcd takes 128
const attempts = 3;

/** @throws CommandError with a line per problem, StoreError */
export async function runApply(
  {etcd, prefix}: Store,
  terminal: Terminal,
  manifests: readonly Manifest[],
  {dryRun = false, namespace}: ApplyOptions,
): Promise<void> {
  const checked = checkManifests(manifests, prefix, namespace);
  for (let attempt = 1; ; attempt++) {
    const {entries} = await etcd.list(resourcesPrefix(prefix));
    const stored = new Map(entries.map(({key, value, modRevision}) => [key, {value, modRevision}]));
    checkConflicts(checked, stored, prefix);

    const changes = planApply(checked, stored, new Date(terminal.now()).toISOString());
    if (dryRun || (await write(etcd, changes))) {
      for (const {resource, verb} of changes) {
        const suffix = dryRun ? ' (dry run)' : '';
        terminal.out(
          `${kindOf(resource.kind).singular}/${resource.metadata.name} ${verb}${suffix}\n`,
        );
      }
      return;
    }
    if (attempt === attempts) {
      throw new CommandError(
        'somebody else keeps changing the same records; nothing more was written',
      );
    }
  }
}

function checkManifests(
  manifests: readonly Manifest[],
  prefix: string,
  namespace: string | undefined,
): readonly Checked[] {
  const lines: string[] = [];
  const checked: Checked[] = [];
  const places = new Map<string, string>(); // by key
  for (const manifest of manifests) {
    const parsed = parseResource(inNamespace(manifest.value, namespace));
    if (parsed.kind === 'invalid') {
      lines.push(...parsed.problems.map(problem => tell(manifest, problem)));
      continue;
    }
    const resource = parsed.value;
    const key = resourceKey(prefix, kindOf(resource.kind), resource.metadata);
    const place = manifest.placeOf([]);
    const twice = places.get(key);
    if (twice !== undefined) {
      lines.push(`${place}: ${titleOf(manifest)}: given before, at ${twice}`);
    }
    if (
      namespace !== undefined &&
      'namespace' in resource.metadata &&
      resource.metadata.namespace !== namespace
    ) {
      const message = `expected namespace ${namespace}, as the command says, got ${resource.metadata.namespace}`;
      lines.push(
        `${manifest.placeOf(['metadata', 'namespace'])}: ${titleOf(manifest)}: ${message}`,
      );
    }
    places.set(key, place);
    checked.push({manifest, resource, key});
  }
  if (lines.length > 0) throw new CommandError(lines);
  return checked;
}

/** A namespaced document that names none gets the command's. */
function inNamespace(value: unknown, namespace: string | undefined): unknown {
  if (namespace === undefined || !isMapping(value) || !isMapping(value['metadata'])) return value;
  const isNamespaced = kinds.some(({kind, namespaced}) => namespaced && kind === value['kind']);
  return isNamespaced ? {...value, metadata: {namespace, ...value['metadata']}} : value;
}

/** @throws CommandError when records that are sound alone do not fit together. */
function checkConflicts(
  checked: readonly Checked[],
  stored: ReadonlyMap<string, Stored>,
  prefix: string,
): void {
  const replaced = new Set(checked.map(({key}) => key));
  const pool = kindOf('Pool');
  const others = [...stored].flatMap(([key, {value}]) => {
    if (replaced.has(key) || !key.startsWith(pool.keysBelow(prefix))) return [];
    const parsed = parseStored(pool, key, value);
    return parsed.kind === 'ok' && parsed.value.kind === 'Pool' ? [parsed.value] : [];
  });
  const conflicts = findConflicts(
    checked.map(({resource}) => resource),
    others,
  );
  if (conflicts.length === 0) return;
  throw new CommandError(
    conflicts.map(({kind, name, problem}) => {
      const at = checked.find(
        ({resource}) => resource.kind === kind && resource.metadata.name === name,
      );
      return at === undefined ? formatProblem(problem) : tell(at.manifest, problem);
    }),
  );
}

/** False when somebody else was quicker; earlier hundreds may then be written already. */
async function write(etcd: Store['etcd'], changes: readonly Change[]): Promise<boolean> {
  const writes = changes.filter(({verb}) => verb !== 'unchanged');
  for (let start = 0; start < writes.length; start += writesPerTransaction) {
    const batch = writes.slice(start, start + writesPerTransaction);
    const {succeeded} = await etcd.transact(
      batch.map(({key, modRevision}) => ({key, modRevision})),
      batch.map(({key, value}) => ({kind: 'put', key, value})),
    );
    if (!succeeded) return false;
  }
  return true;
}

function tell(manifest: Manifest, problem: Problem): string {
  return `${manifest.placeOf(problem.path)}: ${titleOf(manifest)}: ${formatProblem(problem)}`;
}

/** `Pool a`, as far as the document says. */
function titleOf({value}: Manifest): string {
  if (!isMapping(value)) return 'document';
  const metadata = value['metadata'];
  const name = isMapping(metadata) ? metadata['name'] : undefined;
  const words = [value['kind'], name].filter(word => typeof word === 'string');
  return words.length === 0 ? 'document' : words.join(' ');
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
