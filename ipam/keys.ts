/**
 * Where things lie in etcd, below the configured prefix (default /twill/v1). Pure.
 *
 *   <prefix>/leases/10.244.3.0-26     one claimed block; its creation (revision 0 before) is the claim
 *   <prefix>/nodes/<name>             Node record, bound to the same etcd lease as the node's blocks
 *   <prefix>/name-claims/<name>/<id>  a question to who has that name (lease/name-question.ts)
 *   <prefix>/blocks/10.244.3.0-26     that the block was in use: outlives the lease (lease/mark.ts)
 */
export const defaultPrefix = '/twill/v1';

/** The name of a block's Lease record: a CIDR with `-` for `/`, which key paths reserve. */
export function leaseName(cidr: string): string {
  return cidr.replace('/', '-');
}

export function leaseKey(prefix: string, cidr: string): string {
  return `${leasesPrefix(prefix)}${leaseName(cidr)}`;
}

/** All block claims lie below this key. Ends in a slash. */
export function leasesPrefix(prefix: string): string {
  return `${prefix}/leases/`;
}

/** The CIDR a lease key speaks of, undefined for any other key. */
export function parseLeaseKey(prefix: string, key: string): string | undefined {
  return parseBlockKey(leasesPrefix(prefix), key);
}

/** Questions to the holder of a node's name. Ends in a slash. */
export function nameClaimsPrefix(prefix: string, name: string): string {
  return `${prefix}/name-claims/${name}/`;
}

export function blockMarkKey(prefix: string, cidr: string): string {
  return `${blockMarksPrefix(prefix)}${leaseName(cidr)}`;
}

/** Ends in a slash. */
export function blockMarksPrefix(prefix: string): string {
  return `${prefix}/blocks/`;
}

/** The CIDR a mark's key speaks of, undefined for any other key. */
export function parseBlockMarkKey(prefix: string, key: string): string | undefined {
  return parseBlockKey(blockMarksPrefix(prefix), key);
}

function parseBlockKey(start: string, key: string): string | undefined {
  const match = key.startsWith(start) && /^([0-9a-f.:]+)-(\d{1,3})$/.exec(key.slice(start.length));
  return match ? `${match[1]}/${match[2]}` : undefined;
}
