/**
 * Policy routing rules: which table a packet is looked up in. Pure. Payload: struct fib_rule_hdr,
 * then FRA_… (linux/fib_rules.h).
 *
 *    0        1         2         3     4       5   6   7        8
 *   +--------+---------+---------+-----+-------+-------+--------+-------+
 *   | family | dst len | src len | tos | table | 0 | 0 | action | flags |
 *   +--------+---------+---------+-----+-------+-------+--------+-------+
 */
import {
  FIB_RULE_INVERT,
  FRA_DST,
  FRA_FWMARK,
  FRA_FWMASK,
  FRA_IIFNAME,
  FRA_OIFNAME,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  RT_TABLE_UNSPEC,
} from './constants.js';
import {Cursor} from './cursor.js';
import {fromAf, toAf, widthOf, type Family, type Prefix} from './family.js';
import type {Mutable} from './link.js';
import type {Request} from './message.js';
import {request} from './request.js';
import {writer} from './writer.js';

export interface Rule {
  readonly family: Family;
  readonly priority: number; // lower is asked first
  readonly table: number;
  readonly action: number; // FR_ACT_TO_TBL
  readonly protocol?: number; // RTPROT_…
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly mark?: {readonly value: number; readonly mask: number};
  readonly iif?: string;
  readonly oif?: string;
  readonly invert?: boolean;
  readonly suppressPrefixBits?: number; // routes this short or shorter do not count
}

const FIB_RULE_HDR_BYTES = 12;
const NOTHING_SUPPRESSED = 0xffffffff;

export function newRule(rule: Rule): Request {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return request(RTM_NEWRULE, flags, encode(rule), () => `add rule ${rule.priority}`);
}

export function deleteRule(rule: Rule): Request {
  return request(RTM_DELRULE, 0, encode(rule), () => `delete rule ${rule.priority}`);
}

export function dumpRules(filter: {readonly family: Family}): Request {
  const payload = writer.start(FIB_RULE_HDR_BYTES).setU8(0, toAf(filter.family)).finish();
  return request(RTM_GETRULE, 0, payload, () => `dump ${filter.family} rules`);
}

/** @throws DecodeError when it is cut short or of a family that is neither IPv4 nor IPv6. */
export function decodeRule(payload: Uint8Array): Rule {
  const cursor = new Cursor(payload, FIB_RULE_HDR_BYTES, 'rule');
  const family = fromAf(cursor.headerU8(0), 'rule.family');
  const rule: Mutable<Rule> = {
    family,
    priority: 0,
    table: cursor.headerU8(4),
    action: cursor.headerU8(7),
  };
  if ((cursor.headerU32(8) & FIB_RULE_INVERT) !== 0) rule.invert = true;
  const mark = {value: 0, mask: 0};
  while (cursor.next()) decodeAttribute(cursor, rule, mark);
  if (mark.mask !== 0) rule.mark = mark;
  return rule;
}

function decodeAttribute(
  cursor: Cursor,
  rule: Mutable<Rule>,
  mark: {value: number; mask: number},
): void {
  const width = widthOf(rule.family);
  switch (cursor.type) {
    case FRA_PRIORITY:
      rule.priority = cursor.u32('priority');
      break;
    case FRA_TABLE:
      rule.table = cursor.u32('table');
      break;
    case FRA_PROTOCOL:
      rule.protocol = cursor.u8('protocol');
      break;
    case FRA_SRC:
      rule.from = {address: cursor.address('from', width), bits: cursor.headerU8(2)};
      break;
    case FRA_DST:
      rule.to = {address: cursor.address('to', width), bits: cursor.headerU8(1)};
      break;
    case FRA_FWMARK:
      mark.value = cursor.u32('mark');
      break;
    case FRA_FWMASK:
      mark.mask = cursor.u32('mask');
      break;
    case FRA_IIFNAME:
      rule.iif = cursor.text('iif');
      break;
    case FRA_OIFNAME:
      rule.oif = cursor.text('oif');
      break;
    case FRA_SUPPRESS_PREFIXLEN: {
      const bits = cursor.u32('suppressPrefixBits');
      if (bits !== NOTHING_SUPPRESSED) rule.suppressPrefixBits = bits;
      break;
    }
  }
}

function encode(rule: Rule): Uint8Array {
  const w = writer.start(FIB_RULE_HDR_BYTES);
  w.setU8(0, toAf(rule.family))
    .setU8(1, rule.to?.bits ?? 0)
    .setU8(2, rule.from?.bits ?? 0);
  w.setU8(4, rule.table < 256 ? rule.table : RT_TABLE_UNSPEC);
  w.setU8(7, rule.action).setU32(8, rule.invert === true ? FIB_RULE_INVERT : 0);
  w.u32(FRA_PRIORITY, rule.priority);
  if (rule.table > 255) w.u32(FRA_TABLE, rule.table);
  if (rule.protocol !== undefined) w.u8(FRA_PROTOCOL, rule.protocol);
  if (rule.from !== undefined) w.bytes(FRA_SRC, rule.from.address);
  if (rule.to !== undefined) w.bytes(FRA_DST, rule.to.address);
  if (rule.mark !== undefined) w.u32(FRA_FWMARK, rule.mark.value).u32(FRA_FWMASK, rule.mark.mask);
  if (rule.iif !== undefined) w.text(FRA_IIFNAME, rule.iif);
  if (rule.oif !== undefined) w.text(FRA_OIFNAME, rule.oif);
  if (rule.suppressPrefixBits !== undefined) w.u32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixBits);
  return w.finish();
}
