/**
 * The text of an AS-path pattern as a tree. Pure.
 *
 *   choice   = sequence ("|" sequence)*
 *   sequence = (atom ("*" | "+" | "?" | "{n}" | "{n,}" | "{n,m}")?)*
 *   atom     = digit | " " | "," | "{" | "}" | "." | "^" | "$" | "_" | "[…]" | "\d" | "\s" | "(" choice ")"
 *
 * The language of routers and of `RegExp` where they agree, over what formatAsPath writes. `_` is the
 * routers' boundary: a space, a brace, a comma, or either end. What only backtracking could do (back
 * references, look-around) is refused, and so is a character that no path has: it would never match.
 */
export type Syntax =
  | {readonly kind: 'symbol'; readonly symbols: number} // one of the set, a bit for each
  | {readonly kind: 'start'}
  | {readonly kind: 'end'}
  | {readonly kind: 'sequence'; readonly parts: readonly Syntax[]}
  | {readonly kind: 'choice'; readonly options: readonly Syntax[]}
  | {
      readonly kind: 'repeat';
      readonly part: Syntax;
      readonly min: number;
      readonly max: number | undefined;
    };

export type ParsedSyntax =
  | {readonly kind: 'ok'; readonly syntax: Syntax}
  | {readonly kind: 'invalid'; readonly problem: string};

/** Of a path's text, in the order of their numbers. */
export const ALPHABET = '0123456789 {},';

export function parseAsPathSyntax(text: string): ParsedSyntax {
  if (text === '') return {kind: 'invalid', problem: 'it is empty'};
  if (text.length > LONGEST) return {kind: 'invalid', problem: `it is longer than ${LONGEST}`};
  const scan = new Scan(text);
  try {
    const syntax = parseChoice(scan, 0);
    if (scan.peek() !== undefined) throw new SyntaxFault('a ) without its (');
    return {kind: 'ok', syntax};
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    return {kind: 'invalid', problem: `${error.problem} at character ${scan.at + 1}`};
  }
}

const LONGEST = 500; // characters
const DEEPEST = 50; // parentheses in each other: what bounds the recursion
const MOST_REPEATS = 255;

const ALL = (1 << ALPHABET.length) - 1;
const DIGITS = (1 << 10) - 1;
const SPACE = 1 << 10;
const BETWEEN = ALL & ~DIGITS;

/** Leaves the parser's recursion; never this file. */
class SyntaxFault extends Error {
  override readonly name = 'SyntaxFault';
  readonly problem: string;

  constructor(problem: string) {
    super(problem);
    this.problem = problem;
  }
}

class Scan {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  peek(): string | undefined {
    return this.#text[this.at];
  }

  /** Takes `text` if it comes next. */
  take(text: string): boolean {
    if (!this.#text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  takeMatch(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.at += found[0].length;
    return found;
  }
}

function parseChoice(scan: Scan, depth: number): Syntax {
  if (depth > DEEPEST) throw new SyntaxFault(`parentheses more than ${DEEPEST} deep`);
  const options = [parseSequence(scan, depth)];
  while (scan.take('|')) options.push(parseSequence(scan, depth));
  return options.length === 1 && options[0] !== undefined ? options[0] : {kind: 'choice', options};
}

function parseSequence(scan: Scan, depth: number): Syntax {
  const parts: Syntax[] = [];
  for (let next = scan.peek(); next !== undefined && next !== '|' && next !== ')';) {
    parts.push(parseRepeat(scan, parseAtom(scan, depth)));
    next = scan.peek();
  }
  return {kind: 'sequence', parts};
}

function parseRepeat(scan: Scan, part: Syntax): Syntax {
  const bounds = takeBounds(scan);
  if (bounds === undefined) return part;
  const {min, max} = bounds;
  if ((max ?? min) > MOST_REPEATS) {
    throw new SyntaxFault(`more than ${MOST_REPEATS} repeats (an AS set is written \\{64512\\})`);
  }
  if (max !== undefined && max < min) throw new SyntaxFault('repeats from more to less');
  scan.take('?'); // a lazy one takes other text, but the same paths
  if (takeBounds(scan) !== undefined) throw new SyntaxFault('two repeats in a row');
  return {kind: 'repeat', part, min, max};
}

function takeBounds(scan: Scan): {min: number; max: number | undefined} | undefined {
  if (scan.take('*')) return {min: 0, max: undefined};
  if (scan.take('+')) return {min: 1, max: undefined};
  if (scan.take('?')) return {min: 0, max: 1};
  const [, min, comma, max] = scan.takeMatch(/\{(\d{1,6})(,?)(\d{0,6})\}/y) ?? [];
  if (min === undefined) return undefined;
  if (comma === '') return {min: Number(min), max: Number(min + (max ?? ''))};
  return {min: Number(min), max: max === '' ? undefined : Number(max)};
}

function parseAtom(scan: Scan, depth: number): Syntax {
  if (scan.take('(')) return parseGroup(scan, depth);
  if (scan.take('[')) return {kind: 'symbol', symbols: parseClass(scan)};
  if (scan.take('^')) return {kind: 'start'};
  if (scan.take('$')) return {kind: 'end'};
  if (scan.take('.')) return {kind: 'symbol', symbols: ALL};
  if (scan.take('_')) return BOUNDARY;
  const next = scan.peek() ?? '';
  if ('*+?'.includes(next)) throw new SyntaxFault(`a ${next} that repeats nothing`);
  return {kind: 'symbol', symbols: parseSymbol(scan)};
}

const BOUNDARY: Syntax = {
  kind: 'choice',
  options: [{kind: 'symbol', symbols: BETWEEN}, {kind: 'start'}, {kind: 'end'}],
};

function parseGroup(scan: Scan, depth: number): Syntax {
  if (!scan.take('?:') && scan.peek() === '?') {
    throw new SyntaxFault('a look-around or named group, which are not supported,');
  }
  const inner = parseChoice(scan, depth + 1);
  if (!scan.take(')')) throw new SyntaxFault('a ( without its )');
  return inner;
}

/** After the `[`. A range is of digits only. */
function parseClass(scan: Scan): number {
  const isNegated = scan.take('^');
  let symbols = 0;
  while (!scan.take(']')) {
    if (scan.peek() === undefined) throw new SyntaxFault('a [ without its ]');
    const [, from, to] = scan.takeMatch(/(\d)-(\d)/y) ?? [];
    if (from === undefined || to === undefined) symbols |= parseSymbol(scan);
    else if (to < from) throw new SyntaxFault(`the range ${from}-${to}`);
    else for (let digit = Number(from); digit <= Number(to); digit++) symbols |= 1 << digit;
  }
  return isNegated ? ALL & ~symbols : symbols;
}

/** A character for itself, behind a backslash or not, or `\d` and `\s`. */
function parseSymbol(scan: Scan): number {
  const isEscaped = scan.take('\\');
  const character = scan.peek();
  if (character === undefined) throw new SyntaxFault('a backslash with nothing behind it');
  const isDigit = character >= '0' && character <= '9';
  if (isEscaped && isDigit) throw new SyntaxFault('a back reference, which is not supported,');
  const symbols = isEscaped ? (ESCAPES[character] ?? bitOf(character)) : bitOf(character);
  if (symbols === 0) {
    const shown = `${isEscaped ? '\\' : ''}${character}`;
    throw new SyntaxFault(`${JSON.stringify(shown)}, which no AS path has,`);
  }
  scan.at++;
  return symbols;
}

const ESCAPES: Readonly<Record<string, number>> = {
  d: DIGITS,
  D: BETWEEN,
  s: SPACE,
  S: ALL & ~SPACE,
};

function bitOf(character: string): number {
  const symbol = ALPHABET.indexOf(character);
  return symbol < 0 ? 0 : 1 << symbol;
}
