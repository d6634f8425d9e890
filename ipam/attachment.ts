import type {Family} from './address.js';

/**
 * One interface of one container, as the journal remembers it. Types and keys. Pure.
 *
 *   allocate -> adding -> ready -> deleting -> released
 *
 * `adding` and `deleting` are written before the kernel is touched, so that work cut short by a
 * crash is found at the next start and undone or finished.
 */
export interface AttachmentKey {
  readonly containerId: string;
  readonly ifName: string;
}

export type AttachmentState = 'adding' | 'ready' | 'deleting';

export interface Attachment extends AttachmentKey {
  readonly network: string;
  readonly addresses: readonly string[];
  readonly hostInterface: string;
  readonly mac: string;
  readonly netns: string; // 'dev:ino' of the namespace
  readonly mtu?: number | undefined;
  readonly pod?: {
    readonly namespace: string;
    readonly name: string;
    readonly uid?: string | undefined;
  };
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly sandbox?: string | undefined;
  readonly createdAt: string;
  readonly external?: boolean | undefined; // addresses come from a delegated ipam
  readonly state: AttachmentState;
}

export interface AllocationRequest {
  readonly attachment: Omit<Attachment, 'addresses' | 'createdAt' | 'state' | 'external'>;
  /** One address of each; none: every family the host holds a range for. */
  readonly families: readonly Family[];
  /** Exactly these (an address, or an address with a prefix length), whatever `families` says. */
  readonly requested?: readonly string[] | undefined;
  /** Addresses a delegated ipam has handed out: recorded, not chosen. */
  readonly external?: readonly string[] | undefined;
}

export type Allocation =
  | {readonly kind: 'allocated'; readonly attachment: Attachment}
  | {readonly kind: 'exists'; readonly attachment: Attachment}
  | {readonly kind: 'exhausted'; readonly family: Family; readonly reason?: string | undefined}
  | {readonly kind: 'taken'; readonly address: string; readonly holder: string}
  | {readonly kind: 'outside'; readonly address: string}
  | {readonly kind: 'no-range'; readonly family: Family};

/** Text of the key; neither part can contain a slash (CNI name patterns). */
export function attachmentId({containerId, ifName}: AttachmentKey): string {
  return `${containerId}/${ifName}`;
}
