/**
 * Which neighbour is meant, for what outlives a run: NAME@ADDRESS. A name alone may stand for another
 * neighbour by the time that it is read again. Pure.
 */
import type {PeerConfig, PeerRange} from './config.js';

export function idOfPeer({
  name,
  address,
  interface: link,
}: Pick<PeerConfig, 'name' | 'address' | 'interface'>): string {
  return `${name}@${address}${link === undefined ? '' : `%${link}`}`;
}

export function idOfRange({name, cidr}: Pick<PeerRange, 'name' | 'cidr'>): string {
  return `${name}@${cidr}`;
}

/** All of it, of what is no id. */
export function nameOfId(id: string): string {
  return id.split('@', 1)[0] ?? id;
}
