/**
 * Where records lie in etcd, below the configured prefix (default /twill/v1). Pure. Names hold no '/'.
 *
 *   resources/<kind>/[<namespace>/]<name>     what users apply
 *   nodes/<name>                              bound to the etcd lease of that node
 *   leases/<cidr with '-' for '/'>            the claim of a block, bound to the same lease
 *   endpoints/<node>/<containerId>-<ifName>   bound to the same lease
 *   blocks/<cidr with '-' for '/'>            that a block was in use once; of no use to anyone but #ipam
 */
export const defaultPrefix = '/twill/v1';

export function resourcesPrefix(prefix: string): string {
  return `${prefix}/resources/`;
}

export function nodesPrefix(prefix: string): string {
  return `${prefix}/nodes/`;
}

export function nodeKey(prefix: string, name: string): string {
  return nodesPrefix(prefix) + name;
}

export function leasesPrefix(prefix: string): string {
  return `${prefix}/leases/`;
}

export function endpointsPrefix(prefix: string): string {
  return `${prefix}/endpoints/`;
}

/** Of one host. */
export function nodeEndpointsPrefix(prefix: string, node: string): string {
  return `${endpointsPrefix(prefix)}${node}/`;
}

export function endpointName(containerId: string, ifName: string): string {
  return `${containerId}-${ifName}`;
}

export function endpointKey(
  prefix: string,
  node: string,
  containerId: string,
  ifName: string,
): string {
  return nodeEndpointsPrefix(prefix, node) + endpointName(containerId, ifName);
}

/** The last part of a key: the name of the record it holds. */
export function nameInKey(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
