/**
 * A regular expression over AS paths that no path and no pattern can make slow. Pure; it remembers the
 * places it has been to, which changes nothing but its speed.
 *
 * Sets of places become states of an automaton as texts need them (Rabin and Scott 1959, made lazily):
 * one table look-up a character once a state is known. Both sizes are bounded, so a character costs at
 * worst some microseconds, and the states are forgotten when there are too many.
 */
import {compileProgram, type Program} from './as-path-program.js';
import {ALPHABET, parseAsPathSyntax} from './as-path-syntax.js';

export type ParsedAsPathPattern =
  | {readonly kind: 'ok'; readonly pattern: AsPathPattern}
  | {readonly kind: 'invalid'; readonly problem: string};

export function parseAsPathPattern(text: string): ParsedAsPathPattern {
  const parsed = parseAsPathSyntax(text);
  if (parsed.kind === 'invalid') return parsed;
  const program = compileProgram(parsed.syntax, MOST_STEPS);
  return program === undefined
    ? {kind: 'invalid', problem: 'its repeats make it too large'}
    : {kind: 'ok', pattern: new AsPathPattern(text, program)};
}

const MOST_STEPS = 500;
const MOST_STATES = 1000;

interface State {
  readonly places: Uint32Array; // a bit for each step that waits for a symbol or for the end
  readonly isFound: boolean; // whatever follows
  readonly isFoundAtEnd: boolean;
  readonly next: (State | undefined)[]; // by symbol
}

export class AsPathPattern {
  readonly text: string;
  readonly #program: Program;
  readonly #words: number; // of a set of places
  readonly #after: readonly (Uint32Array | undefined)[]; // by step: where its symbol leads
  readonly #again: Uint32Array; // a match may begin at any character
  #states = new Map<string, State>();
  #start: State;

  constructor(text: string, program: Program) {
    this.text = text;
    this.#program = program;
    this.#words = (program.steps.length + 31) >>> 5;
    this.#after = program.steps.map(step =>
      step.kind === 'symbol' ? this.#reach([step.next], {atStart: false, atEnd: false}) : undefined,
    );
    this.#again = this.#reach([program.first], {atStart: false, atEnd: false});
    this.#start = this.#createStart();
  }

  /** Whether it is found anywhere in what formatAsPath wrote. */
  test(path: string): boolean {
    let state = this.#start;
    for (let at = 0; at < path.length && !state.isFound; at++) {
      const symbol = SYMBOLS[path.charCodeAt(at)] ?? 0;
      state = state.next[symbol] ?? this.#follow(state, symbol);
    }
    return state.isFound || state.isFoundAtEnd;
  }

  #createStart(): State {
    const {first} = this.#program;
    return this.#createState(this.#reach([first], {atStart: true, atEnd: false}), true);
  }

  #follow(state: State, symbol: number): State {
    const places = Uint32Array.from(this.#again);
    for (const at of members(state.places)) {
      const step = this.#program.steps[at] ?? FOUND;
      if (step.kind !== 'symbol' || ((step.symbols >>> symbol) & 1) === 0) continue;
      unite(places, this.#after[at]);
    }
    const key = String.fromCharCode(...new Uint16Array(places.buffer));
    const next = this.#states.get(key) ?? this.#createState(places, false);
    if (this.#states.size >= MOST_STATES) this.#forget();
    this.#states.set(key, next);
    state.next[symbol] = next;
    return next;
  }

  /** States point at each other: the first one has to go as well. */
  #forget(): void {
    this.#states = new Map();
    this.#start = this.#createStart();
  }

  #createState(places: Uint32Array, atStart: boolean): State {
    const waiting = members(places);
    const isFound = waiting.some(step => this.#program.steps[step]?.kind === 'found');
    const atEnd = members(this.#reach(waiting, {atStart, atEnd: true}));
    const isFoundAtEnd = atEnd.some(step => this.#program.steps[step]?.kind === 'found');
    return {places, isFound, isFoundAtEnd, next: new Array<State | undefined>(ALPHABET.length)};
  }

  /** The steps that wait, reached from `from` without a symbol. */
  #reach(
    from: readonly number[],
    {atStart, atEnd}: {atStart: boolean; atEnd: boolean},
  ): Uint32Array {
    const places = new Uint32Array(this.#words);
    const seen = new Set<number>();
    const waiting = [...from];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const step = this.#program.steps[at] ?? FOUND;
      if (step.kind === 'split') waiting.push(step.next, step.other);
      else if (step.kind === 'start' && atStart) waiting.push(step.next);
      else if (step.kind === 'end' && atEnd) waiting.push(step.next);
      else if (step.kind !== 'start') places[at >>> 5] = (places[at >>> 5] ?? 0) | (1 << (at & 31));
    }
    return places;
  }
}

const FOUND = {kind: 'found'} as const;

/** By character code; what is no symbol cannot be in a path. */
const SYMBOLS: readonly number[] = Array.from({length: 128}, (_, code) =>
  Math.max(0, ALPHABET.indexOf(String.fromCharCode(code))),
);

function unite(into: Uint32Array, other: Uint32Array | undefined): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) | (other?.[i] ?? 0);
}

function members(places: Uint32Array): number[] {
  const found: number[] = [];
  for (let i = 0; i < places.length; i++) {
    for (let word = places[i] ?? 0; word !== 0; word &= word - 1) {
      found.push(i * 32 + 31 - Math.clz32(word & -word));
    }
  }
  return found;
}
