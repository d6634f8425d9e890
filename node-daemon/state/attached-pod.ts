/**
 * An attachment of the local journal, as the kernel tables need it. Pure.
 */
import {parseAddress} from '#ipam';
import {parseUnicastMac} from '../overlay/vtep-mac.js';

/** The fields of the journal's Attachment that are used here. */
export interface AttachmentFields {
  readonly containerId: string;
  readonly ifName: string;
  readonly hostInterface: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly state: 'adding' | 'ready' | 'deleting';
}

export interface AttachedPod {
  readonly key: string; // '<containerId>/<ifName>'
  readonly hostInterface: string; // twl…
  readonly mac: Uint8Array; // of the pod's end
  readonly addresses: readonly Uint8Array[];
  /** Only ready ones are healed; the routes of the others are being made or removed by a CNI verb. */
  readonly isReady: boolean;
}

export function attachmentKey({
  containerId,
  ifName,
}: Pick<AttachmentFields, 'containerId' | 'ifName'>): string {
  return `${containerId}/${ifName}`;
}

/** Undefined when its MAC or an address is none. */
export function toAttachedPod(attachment: AttachmentFields): AttachedPod | undefined {
  const {hostInterface, state} = attachment;
  const mac = parseUnicastMac(attachment.mac);
  const addresses = attachment.addresses.map(parseHostAddress);
  if (mac === undefined || !addresses.every(address => address !== undefined)) return undefined;
  const isReady = state === 'ready';
  return {key: attachmentKey(attachment), hostInterface, mac, addresses, isReady};
}

/** CNI writes addresses with the length of a prefix; the journal may do so too. */
function parseHostAddress(text: string): Uint8Array | undefined {
  return parseAddress(text.replace(/\/\d+$/, ''));
}
