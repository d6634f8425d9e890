/** What the policy tests are written with: rules and paths from short texts. Pure. */
import {familyOfAddress, parseCidr, type Cidr} from '../wire/address.js';
import type {AsPath} from '../wire/as-path.js';
import type {PathAttributes} from '../wire/attributes.js';
import {wordsOf} from '../wire/nlri.js';
import {parseCommunity, parseCommunityPattern, type CommunityPattern} from './community-text.js';
import type {PrefixRange} from './prefix-set.js';
import type {CommunityList} from './rule.js';
import type {PolicySubject} from './types.js';

export function cidr(text: string): Cidr {
  return found(parseCidr(text), text);
}

/** `10.0.0.0/8 ge 24 le 32` */
export function range(text: string): PrefixRange {
  const [prefix = '', ...rest] = text.split(' ');
  const bound = (name: string) => {
    const at = rest.indexOf(name);
    return at < 0 ? undefined : Number(rest[at + 1]);
  };
  return {prefix: cidr(prefix), ge: bound('ge'), le: bound('le')};
}

export function communityPattern(text: string): CommunityPattern {
  return found(parseCommunityPattern(text), text);
}

export function communities(...texts: readonly string[]): CommunityList {
  const all = texts.map(text => found(parseCommunity(text), text));
  return {
    standard: all.flatMap(each => (each.kind === 'standard' ? [each.value] : [])),
    large: all.flatMap(each => (each.kind === 'large' ? [each.value] : [])),
  };
}

/** `64512 64513` */
export function path(text: string): AsPath {
  return text === '' ? [] : [{kind: 'sequence', asns: text.split(' ').map(Number)}];
}

export function subject(
  prefix: string | Cidr,
  attributes: PathAttributes = {},
  source: Partial<Pick<PolicySubject, 'isLocal' | 'isReflected'>> = {},
): PolicySubject {
  const {address, bits} = typeof prefix === 'string' ? cidr(prefix) : prefix;
  const words = wordsOf(address);
  const family = familyOfAddress(address);
  return {family, words, bits, attributes, isLocal: false, isReflected: false, ...source};
}

function found<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`${text} cannot be read`);
  return value;
}
