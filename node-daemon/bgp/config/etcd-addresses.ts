/**
 * The addresses behind etcd's endpoints: no neighbour may tell us a route to one of them. Shell: asks the
 * resolver. A name that cannot be resolved now is left out.
 */
import {lookup} from 'node:dns/promises';
import {parseAddress} from '#ipam';

export async function findEtcdAddresses(
  endpoints: readonly string[],
): Promise<readonly Uint8Array[]> {
  const hosts = new Set(endpoints.map(hostOf).filter(host => host !== undefined));
  const found = await Promise.all([...hosts].map(addressesOf));
  return found.flat();
}

function hostOf(endpoint: string): string | undefined {
  const url = endpoint.includes('://') ? endpoint : `http://${endpoint}`;
  if (!URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

async function addressesOf(host: string): Promise<readonly Uint8Array[]> {
  const literal = parseAddress(host);
  if (literal !== undefined) return [literal];
  const found = await lookup(host, {all: true}).catch(() => []);
  return found.map(({address}) => parseAddress(address)).filter(address => address !== undefined);
}
