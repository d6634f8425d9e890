/**
 * Whose is the record that etcd has under this node's name? Pure.
 *
 * The first of these questions that has an answer decides:
 *
 *   no record of a node, or one of a version that tells no machine?   ours to replace
 *   an underlay address in common?                 this host: no other has it at the same time
 *   product_uuid known of both?                    the same: this host, with a new disk or system;
 *                                                  another: a copy of its disk, uid and machine-id alike
 *   the uid of the state directory?                the same: this host
 *   machine-id known of both?                      the same: this host, its state directory was lost
 *   otherwise                                      another machine
 *
 * So a host finds its record again after a reboot, a reinstallation or a change of address, though not
 * after everything at once. Then it asks itself, gets no answer, and has its name a few seconds later:
 * the price of not taking the name from a machine that lives and whose pods are wired from it.
 */
import {formatAddress} from '#ipam';
import {parseNode, type Machine, type Node} from '../datastore/records/node.js';
import type {Self, Underlay} from '../state/state.js';

export interface Claimant {
  readonly key: string; // of the record
  readonly self: Self;
  readonly machine: Machine;
  readonly underlay: Underlay | undefined;
}

export interface NameHolder {
  readonly uid: string;
  readonly addresses: readonly string[]; // of its underlay
}

/** Who it is and what to do, when the record is another machine's; undefined when it is not. */
export function describeStranger(text: string, own: Claimant): string | undefined {
  const record = readNode(text);
  if (record === undefined || !isStranger(record, own)) return undefined;
  const {uid, addresses} = holderOf(record);
  return (
    `the node name ${own.self.name} is in use by another machine, ${addresses.join(' and ')} ` +
    `(uid ${uid}, record ${own.key}): ` +
    `set node.name (TWILL_NODE_NAME, NODE_NAME) to a name of its own on one of the two`
  );
}

export function isStranger(record: Node, own: Claimant): boolean {
  return !isThisHost(record, own);
}

/** Who wrote the record; undefined when it is none. */
export function findHolder(text: string): NameHolder | undefined {
  const record = readNode(text);
  return record && holderOf(record);
}

function holderOf({metadata, spec}: Node): NameHolder {
  const addresses = [spec.address, spec.address6].filter(each => each !== undefined);
  return {uid: metadata.uid, addresses};
}

function isThisHost({metadata, spec}: Node, {self, machine, underlay}: Claimant): boolean {
  if (spec.machine === undefined) return true;
  const {ipv4, ipv6} = underlay?.addresses ?? {};
  if (ipv4 && formatAddress(ipv4.address) === spec.address) return true;
  if (ipv6 && formatAddress(ipv6.address) === spec.address6) return true;
  return (
    sameIfKnown(spec.machine.product, machine.product) ??
    (metadata.uid === self.uid || sameIfKnown(spec.machine.id, machine.id) === true)
  );
}

/** Undefined: one of the two does not tell. */
function sameIfKnown(theirs: string | undefined, ours: string | undefined): boolean | undefined {
  return theirs === undefined || ours === undefined ? undefined : theirs === ours;
}

function readNode(text: string): Node | undefined {
  try {
    const parsed = parseNode(JSON.parse(text));
    return parsed.kind === 'ok' ? parsed.value : undefined;
  } catch {
    return undefined;
  }
}
