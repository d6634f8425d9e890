/**
 * What a speaker is told and what it tells, as plain data: it may live on another thread. Pure.
 *
 *   daemon ── SpeakerCommand ──> speaker ── RouteMessage ──> the kernel's end
 *      ^───── SpeakerMessage ──────┘  ^────── RouteAnswer ──────┘
 *
 * Order holds on each way. Some batches of `selected` are on their way at once; more wait for
 * `selectedTaken`, so that a slow kernel holds back the next batch and not the event loop; a prefix that
 * changes meanwhile comes once. `sweep` follows all that was selected before it. Where nobody has said how
 * the speaker reaches the kernel's end, its messages come to the daemon.
 */
import type {
  Absence,
  Family,
  Leave,
  LocalRoute,
  LogLevel,
  NextHopInterest,
  NextHopState,
  SelectedColumns,
  SelectedRoute,
  ShownPath,
  ShowQuery,
  SpeakerConfig,
  SpeakerEvent,
  SpeakerStart,
  SpeakerStatus,
} from '#bgp-fsm';

export type SpeakerCommand =
  /** First of all, and once. */
  | {readonly kind: 'start'; readonly start: SpeakerStart}
  | {readonly kind: 'configure'; readonly config: SpeakerConfig}
  | {readonly kind: 'localRoutes'; readonly routes: readonly LocalRoute[]}
  | {readonly kind: 'nextHops'; readonly states: readonly NextHopState[]}
  | {readonly kind: 'reset'; readonly peer: string; readonly words: string}
  | {
      readonly kind: 'refresh';
      readonly peer: string;
      readonly direction: 'in' | 'out';
      readonly family: Family;
    }
  /** Whether learnt routes go into the kernel; they do until this is said. */
  | {readonly kind: 'installRoutes'; readonly isWanted: boolean}
  | {readonly kind: 'selectedTaken'}
  | {readonly kind: 'show'; readonly id: number; readonly query: ShowQuery}
  | {readonly kind: 'status'; readonly id: number}
  | {readonly kind: 'absence'; readonly id: number}
  /** The last one; `left` is the answer. */
  | {readonly kind: 'leave'; readonly how: Leave};

export type SpeakerMessage =
  | Exclude<SpeakerEvent, {kind: 'routes' | 'sweep'}>
  | RouteMessage
  | {readonly kind: 'shown'; readonly id: number; readonly paths: readonly ShownPath[]}
  | {readonly kind: 'status'; readonly id: number; readonly status: SpeakerStatus}
  | {readonly kind: 'absence'; readonly id: number; readonly absence: Absence}
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** Every connection has said its last words. */
  | {readonly kind: 'left'};

/** What concerns the kernel's end. */
export type RouteMessage =
  | SelectedMessage
  | Extract<SpeakerEvent, {kind: 'sweep'}>
  | {readonly kind: 'nextHopInterest'; readonly changes: readonly NextHopInterest[]}
  /** None of what is selected is to be a route, or all that is selected from now on. */
  | {readonly kind: 'install'; readonly isWanted: boolean};

export type RouteAnswer = Extract<SpeakerCommand, {kind: 'selectedTaken' | 'nextHops'}>;

const ROUTE_KINDS: ReadonlySet<string> = new Set<RouteMessage['kind']>([
  ...(['selected', 'selectedColumns', 'sweep', 'nextHopInterest', 'install'] as const),
]);

export function isOfRoutes(message: SpeakerMessage): message is RouteMessage {
  return ROUTE_KINDS.has(message.kind);
}

/** As objects from a speaker on our thread, in columns from one on its own. */
export type SelectedMessage =
  | {readonly kind: 'selected'; readonly routes: readonly SelectedRoute[]}
  | {readonly kind: 'selectedColumns'; readonly columns: SelectedColumns};
