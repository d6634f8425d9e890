/**
 * What is wrong with a record or a configuration, told by field. Pure.
 *
 * A schema's message is the phrase after "expected": `v.string('a name')` reads
 * "expected a name, got 7". Fields are written the way people say them: spec.ingress[0].ports[1].port.
 */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly field: string; // `path` in words; '' is the document itself
  readonly message: string; // 'expected …, got …'
}

export type Parsed<T> =
  | {readonly kind: 'ok'; readonly value: T}
  | {readonly kind: 'invalid'; readonly problems: readonly Problem[]};

export function problemAt(path: Path, message: string): Problem {
  return {path, field: formatPath(path), message};
}

export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

export function formatProblem({field, message}: Problem): string {
  return field === '' ? message : `${field}: ${message}`;
}

const longestShown = 60;

/** A value as it is quoted in messages: short, and never a dump of a whole mapping. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

/** The known name that `name` is probably a misspelling of, if one is near enough. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase().slice(0, longestShown);
  let best: {name: string; distance: number} | undefined;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    const limit = Math.max(1, Math.floor(candidate.length / 3));
    if (distance <= limit && distance < (best?.distance ?? Infinity))
      best = {name: candidate, distance};
  }
  return best?.name;
}

/** Levenshtein, with a swap of two neighbours counted as one edit. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({length: b.length + 1}, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
