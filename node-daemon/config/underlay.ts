/**
 * How the node's underlay address is to be found: the text of `node.address` and `node.address6`. Pure.
 */
import {familyOf, parseAddress, parsePrefix, type Family} from '#ipam';

export type UnderlayAddress =
  | {readonly kind: 'auto'} // the source address of the default route
  | {readonly kind: 'none'} // this family has no underlay
  | {readonly kind: 'address'; readonly address: string}
  | {readonly kind: 'interface'; readonly pattern: RegExp} // matches the whole name
  | {readonly kind: 'cidr'; readonly cidr: string}
  | {readonly kind: 'can-reach'; readonly address: string}; // the source address towards it

export function underlayPhrase(family: Family): string {
  const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
  return `auto, none, an ${name} address, interface=REGEX, cidr=CIDR or can-reach=ADDRESS (all ${name})`;
}

export function parseUnderlayAddress(text: string, family: Family): UnderlayAddress | undefined {
  if (text === 'auto' || text === 'none') return {kind: text};
  if (isAddressOf(text, family)) return {kind: 'address', address: text};

  const [, form, value = ''] = /^(interface|cidr|can-reach)=(.+)$/s.exec(text) ?? [];
  switch (form) {
    case 'interface': {
      const pattern = parsePattern(value);
      return pattern && {kind: 'interface', pattern};
    }
    case 'cidr':
      return parsePrefix(value)?.family === family ? {kind: 'cidr', cidr: value} : undefined;
    case 'can-reach':
      return isAddressOf(value, family) ? {kind: 'can-reach', address: value} : undefined;
    default:
      return undefined;
  }
}

function isAddressOf(text: string, family: Family): boolean {
  const address = parseAddress(text);
  return address !== undefined && familyOf(address) === family;
}

function parsePattern(source: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${source})$`);
  } catch {
    return undefined;
  }
}
