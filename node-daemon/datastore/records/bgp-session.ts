/**
 * What sessions of the node mesh and of BGPPeers have in common: timers, passwords, BFD. Pure.
 */
import * as v from 'valibot';
import {parseDurationMs} from './duration.js';
import {
  duration,
  integer,
  mapping,
  namespaceName,
  objectName,
  optional,
  text,
  yesOrNo,
} from './fields.js';
import {describeValue, problemAt, type Path, type Problem} from './problem.js';
import type {Value} from './schema.js';

export const passwordFrom = v.pipe(
  mapping({
    file: optional(text('the path of a file', value => value.startsWith('/'))),
    secret: optional(
      mapping({
        name: objectName,
        namespace: optional(namespaceName),
        key: text("a key of the Secret: letters, digits, '-', '_' and '.'", isSecretKey),
      }),
    ),
  }),
  v.check(
    ({file, secret}) => (file === undefined) !== (secret === undefined),
    'either file or secret',
  ),
);

/** Kubernetes' IsConfigMapKey; it becomes the name of a file. */
function isSecretKey(value: string): boolean {
  return /^[\w.-]{1,253}$/.test(value) && !/^\.\.?$|^\.\./.test(value);
}

export type PasswordFrom = Value<typeof passwordFrom>;

export const bfd = mapping({
  enabled: optional(yesOrNo),
  interval: optional(duration),
  multiplier: optional(integer(1, 255)),
});

export type BgpBfd = Value<typeof bfd>;

export interface SessionTimers {
  readonly holdTime?: string;
  readonly keepalive?: string;
  readonly sendHoldTime?: string;
  readonly bfd?: BgpBfd;
}

/**
 * RFC 4271 §4.2: 3 to 65535 s; a keepalive of more than a third would let one loss end the session.
 * RFC 9687 §3: the send hold time exceeds the hold time.
 */
export function checkTimers(
  path: Path,
  {holdTime, keepalive, sendHoldTime, bfd}: SessionTimers,
): readonly Problem[] {
  const holdMs = parseDurationMs(holdTime ?? '') ?? 90_000;
  const keepaliveMs = parseDurationMs(keepalive ?? '') ?? holdMs / 3;
  const sendHoldMs = parseDurationMs(sendHoldTime ?? '') ?? Infinity;
  const intervalMs = parseDurationMs(bfd?.interval ?? '') ?? 300;
  const problems: Problem[] = [];
  const expect = (isRight: boolean, field: readonly string[], expected: string, got?: string) => {
    if (isRight) return;
    problems.push(
      problemAt([...path, ...field], `expected ${expected}, got ${describeValue(got)}`),
    );
  };
  const seconds = 'whole seconds from 3s to 65535s';
  const isHold = holdMs % 1000 === 0 && holdMs >= 3000 && holdMs <= 65_535_000;
  expect(isHold, ['holdTime'], seconds, holdTime);
  const isKeepalive = keepaliveMs >= 1000 && keepaliveMs <= holdMs / 3;
  if (keepalive !== undefined) {
    expect(isKeepalive, ['keepalive'], `1s to a third of the hold time`, keepalive);
  }
  expect(sendHoldMs > holdMs, ['sendHoldTime'], 'more than the hold time', sendHoldTime);
  const isInterval = intervalMs >= 10 && intervalMs <= 60_000;
  expect(isInterval, ['bfd', 'interval'], '10ms to 60s', bfd?.interval);
  return problems;
}
