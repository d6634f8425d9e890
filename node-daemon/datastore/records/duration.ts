/**
 * Durations as people and Go write them: 24h, 90s, 1h30m, 1.5h, 250ms. Pure.
 */
const unitMs: Readonly<Record<string, number>> = {h: 3_600_000, m: 60_000, s: 1000, ms: 1};

export const durationPhrase = 'a duration such as 24h, 90s or 1h30m';

/** Whole milliseconds above zero, or undefined when the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|h|m|s))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    totalMs += Number(amount) * (unitMs[unit ?? ''] ?? NaN);
  }
  const wholeMs = Math.round(totalMs);
  return wholeMs > 0 && Number.isSafeInteger(wholeMs) ? wholeMs : undefined;
}

/** The shortest such text: 5400000 is 1h30m. */
export function formatDuration(durationMs: number): string {
  let text = '';
  let restMs = Math.round(durationMs);
  for (const [unit, ms] of Object.entries(unitMs)) {
    const count = Math.floor(restMs / ms);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * ms;
  }
  return text === '' ? '0s' : text;
}
