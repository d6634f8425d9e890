/**
 * The kinds of value that fields of records hold. Pure. Every message is the phrase after "expected".
 */
import * as v from 'valibot';
import {
  formatAddress,
  formatPrefix,
  maskAddress,
  parseAddress,
  parseInterface,
  parsePrefix,
  parsePrefixOrAddress,
} from '#ipam';
import {durationPhrase, parseDurationMs} from './duration.js';

/** `explain`: a better phrase for a text that is wrong in a way of its own. */
export function text(
  phrase: string,
  isValid: (value: string) => boolean = isNotEmpty,
  explain: (value: string) => string | undefined = () => undefined,
) {
  return v.pipe(
    v.string(phrase),
    v.check(isValid, ({input}) => explain(input) ?? phrase),
  );
}

export function oneOf<const Options extends readonly string[]>(options: Options) {
  return v.picklist(options, joinOr(options));
}

export function integer(lowest: number, highest: number, what = 'a whole number') {
  const phrase = `${what} from ${lowest} to ${highest}`;
  return v.pipe(
    v.number(phrase),
    v.check(value => Number.isInteger(value) && value >= lowest && value <= highest, phrase),
  );
}

export function list<S extends v.GenericSchema<unknown, unknown>>(item: S, phrase = 'a list') {
  return v.array(item, phrase);
}

export function mapping<E extends v.ObjectEntries>(entries: E) {
  return v.object(entries, 'a mapping');
}

export const optional = v.exactOptional;
export const yesOrNo = v.boolean('true or false');
export const port = integer(1, 65_535, 'a port');

const addressPhrase = 'an IPv4 or IPv6 address';
export const address = text(addressPhrase, value => parseAddress(value) !== undefined);
export const ipv4Address = text('an IPv4 address', value => parseAddress(value)?.length === 4);
export const ipv6Address = text('an IPv6 address', value => parseAddress(value)?.length === 16);

const prefixPhrase = 'a prefix such as 10.244.0.0/16 or fd00::/64, without host bits';
export const prefix = text(
  prefixPhrase,
  value => parsePrefix(value) !== undefined,
  value => explainHostBits(value)?.prefix,
);
export const anyPrefix = text(
  'a prefix such as 10.0.0.0/8 or fd00::/64',
  value => parseInterface(value) !== undefined,
);
export const addressOrPrefix = prefixOrAddress('an address, or a prefix without host bits');

export function prefixOrAddress(phrase: string) {
  return text(
    phrase,
    value => parsePrefixOrAddress(value) !== undefined,
    value => explainHostBits(value)?.either,
  );
}

/** What `10.0.1.1/24` may have been meant as; undefined where host bits are not what is wrong. */
function explainHostBits(text: string): {prefix: string; either: string} | undefined {
  const given = parseInterface(text);
  if (given === undefined) return undefined;
  const {address, bits} = given;
  const network = formatPrefix({address: maskAddress(address, bits), bits});
  const prefix = `${network} (a prefix has no host bits)`;
  return {prefix, either: `${prefix} or the address ${formatAddress(address)}`};
}

export const duration = text(durationPhrase, value => parseDurationMs(value) !== undefined);
export const timestamp = text(
  'a time such as 2026-01-31T12:00:00Z',
  value => !isNaN(Date.parse(value)),
);
export const mac = text('a MAC address such as 02:00:00:00:00:01', value => macPattern.test(value));
export const macPattern = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

const dnsLabel = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const dnsLabelPattern = new RegExp(`^${dnsLabel}$`);
const dnsNamePattern = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);

export function isObjectName(value: string): boolean {
  return value.length <= 253 && dnsNamePattern.test(value);
}

export function isNamespaceName(value: string): boolean {
  return value.length <= 63 && dnsLabelPattern.test(value);
}

export const objectName = text(
  "a name of lower-case letters, digits, '-' and '.', 253 at most",
  isObjectName,
);
export const namespaceName = text(
  "a name of lower-case letters, digits and '-', 63 at most",
  isNamespaceName,
);

const labelWord = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

export function isLabelKey(value: string): boolean {
  const slash = value.indexOf('/');
  const name = value.slice(slash + 1);
  const prefixIsSound = slash < 0 || isObjectName(value.slice(0, slash));
  return prefixIsSound && name.length <= 63 && labelWord.test(name);
}

export function isLabelValue(value: string): boolean {
  return value === '' || (value.length <= 63 && labelWord.test(value));
}

const labelKeyPhrase = 'a label key such as app or example.com/app';
const labelValuePhrase =
  "text of letters, digits, '-', '_' and '.', 63 at most (quote numbers and true or false)";
export const labelKey = text(labelKeyPhrase, isLabelKey);
export const labelValue = text(labelValuePhrase, isLabelValue);

export const labels = v.record(labelKey, labelValue, 'a mapping of labels');
export const annotations = v.record(
  v.string('text'),
  v.string('text (quote numbers and true or false)'),
  'a mapping of annotations',
);

function isNotEmpty(value: string): boolean {
  return value !== '';
}

function joinOr(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
