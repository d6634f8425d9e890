/**
 * An AS-path pattern as steps of a machine that is in many places at once (Thompson 1968): no input
 * makes it go back. Pure.
 */
import type {Syntax} from './as-path-syntax.js';

export type Step =
  | {readonly kind: 'symbol'; readonly symbols: number; readonly next: number}
  | {readonly kind: 'start'; readonly next: number} // passes at the beginning of the text only
  | {readonly kind: 'end'; readonly next: number}
  | {readonly kind: 'split'; readonly next: number; readonly other: number}
  | {readonly kind: 'found'};

export interface Program {
  readonly steps: readonly Step[];
  readonly first: number;
}

/** Undefined when repeats within repeats make it longer than `limit` steps. */
export function compileProgram(syntax: Syntax, limit: number): Program | undefined {
  if (sizeOf(syntax) > limit) return undefined;
  const steps: Step[] = [{kind: 'found'}];
  const add = (step: Step) => steps.push(step) - 1;

  /** The step with which `part` begins, when `next` comes after it. */
  const compile = (part: Syntax, next: number): number => {
    switch (part.kind) {
      case 'symbol':
        return add({kind: 'symbol', symbols: part.symbols, next});
      case 'start':
      case 'end':
        return add({kind: part.kind, next});
      case 'sequence':
        return part.parts.reduceRight((after, each) => compile(each, after), next);
      case 'choice':
        return part.options
          .map(option => compile(option, next))
          .reduceRight((other, first) => add({kind: 'split', next: first, other}));
      case 'repeat':
        return compileRepeat(part, next);
      default:
        return part satisfies never;
    }
  };

  const compileRepeat = (
    {part, min, max}: Extract<Syntax, {kind: 'repeat'}>,
    next: number,
  ): number => {
    let first = next;
    if (max === undefined) {
      first = add({kind: 'split', next, other: next});
      steps[first] = {kind: 'split', next: compile(part, first), other: next};
    } else {
      for (let i = min; i < max; i++) {
        first = add({kind: 'split', next: compile(part, first), other: next});
      }
    }
    for (let i = 0; i < min; i++) first = compile(part, first);
    return first;
  };

  return {steps, first: compile(syntax, 0)};
}

/** Steps that `compile` will add, before any is. */
function sizeOf(syntax: Syntax): number {
  switch (syntax.kind) {
    case 'symbol':
    case 'start':
    case 'end':
      return 1;
    case 'sequence':
      return syntax.parts.reduce((sum, part) => sum + sizeOf(part), 0);
    case 'choice':
      return syntax.options.reduce((sum, option) => sum + sizeOf(option) + 1, 0);
    case 'repeat':
      return (sizeOf(syntax.part) + 1) * ((syntax.max ?? syntax.min + 1) || 1);
    default:
      return syntax satisfies never;
  }
}
