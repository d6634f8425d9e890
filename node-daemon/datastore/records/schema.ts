/**
 * Runs a valibot schema and tells its issues as Problems. Pure.
 *
 * Unknown fields are looked for here, not with v.strictObject: that stops at the first one. Only
 * v.object is walked; v.unknown hides whatever is below it. A field that is null counts as absent,
 * as in Kubernetes.
 */
import * as v from 'valibot';
import {
  closestName,
  describeValue,
  problemAt,
  type Parsed,
  type Path,
  type Problem,
} from './problem.js';

export type Schema = v.GenericSchema<unknown, unknown>;

/** What a schema yields, never to be written to. */
export type Value<S extends Schema> = Immutable<v.InferOutput<S>>;

export type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? {readonly [Key in keyof T]: Immutable<T[Key]>}
    : T;

export interface ParseOptions {
  /** 'ignore' is for what other daemons write: a newer one may say more than we know. */
  readonly unknownFields: 'refuse' | 'ignore';
}

export function parseSchema<S extends Schema>(
  schema: S,
  input: unknown,
  {unknownFields}: ParseOptions = {unknownFields: 'refuse'},
): Parsed<Value<S>> {
  const value = withoutNulls(input);
  if (value !== undefined && (typeof value !== 'object' || Array.isArray(value))) {
    return {
      kind: 'invalid',
      problems: [problemAt([], `expected a mapping, got ${describeValue(value)}`)],
    };
  }
  const result = v.safeParse(schema, value, {abortPipeEarly: true});
  const problems = (result.issues ?? []).map(issue => toProblem(schema, issue));
  if (unknownFields === 'refuse') collectUnknown(schema, value, [], problems);
  if (problems.length > 0 || !result.success)
    return {kind: 'invalid', problems: outermost(problems)};
  return {kind: 'ok', value: result.output as Value<S>};
}

/** Where a list stands for a mapping, that says all; what is missing in it adds nothing. */
function outermost(problems: readonly Problem[]): readonly Problem[] {
  const lists = problems.filter(({message}) => message.startsWith('expected a mapping'));
  return problems.filter(({path}) => !lists.some(list => isInside(path, list.path)));
}

function isInside(path: Path, outer: Path): boolean {
  return path.length > outer.length && outer.every((step, index) => step === path[index]);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(entries.map(([key, child]) => [key, withoutNulls(child)]));
}

function toProblem(schema: Schema, issue: v.BaseIssue<unknown>): Problem {
  const items = issue.path ?? [];
  const path = items.map(item => item.key as string | number);
  const last = items.at(-1);
  if (last === undefined)
    return problemAt([], `expected ${issue.message}, got ${describeValue(issue.input)}`);

  const isMissing = last.type === 'object' && last.value === undefined;
  if (isMissing && issue.kind === 'schema') {
    return problemAt(path, `expected ${expectation(schemaAt(schema, path))}, got nothing`);
  }
  const shown = last.origin === 'key' ? last.key : last.value;
  return problemAt(path, `expected ${issue.message}, got ${describeValue(shown)}`);
}

/** The phrase of a schema; every leaf in this folder has one. */
function expectation(schema: AnySchema | undefined): string {
  return typeof schema?.message === 'string' ? schema.message : 'a value';
}

function schemaAt(schema: AnySchema, path: Path): AnySchema | undefined {
  let current: AnySchema | undefined = schema;
  for (const step of path) current = current && childSchema(current, step);
  return current && unwrap(current);
}

function collectUnknown(schema: AnySchema, value: unknown, path: Path, problems: Problem[]): void {
  if (typeof value !== 'object' || value === null) return;
  const {entries} = unwrap(schema);
  if (entries !== undefined && Array.isArray(value)) {
    problems.push(problemAt(path, `expected a mapping, got ${describeValue(value)}`));
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(key) : key;
    const known = childSchema(schema, step);
    if (known !== undefined) collectUnknown(known, child, [...path, step], problems);
    else if (entries !== undefined)
      problems.push(unknownField([...path, key], key, Object.keys(entries)));
  }
}

function unknownField(path: Path, key: string, known: readonly string[]): Problem {
  const close = closestName(key, known);
  if (close !== undefined) return problemAt(path, `unknown field, did you mean ${close}?`);
  return problemAt(path, `unknown field, expected one of ${known.join(', ')}`);
}

/** The parts of valibot's schemas that are walked; all of them optional, read as plain data. */
interface AnySchema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, AnySchema>>; // object
  readonly item?: AnySchema; // array
  readonly value?: AnySchema; // record
  readonly key?: AnySchema; // record
  readonly wrapped?: AnySchema; // optional
  readonly pipe?: readonly AnySchema[];
  readonly message?: unknown;
}

function unwrap(schema: AnySchema): AnySchema {
  let current = schema;
  for (;;) {
    const inner: AnySchema | undefined =
      current.pipe?.[0] === current ? undefined : (current.wrapped ?? current.pipe?.[0]);
    if (inner === undefined) return current;
    current = inner;
  }
}

function childSchema(schema: AnySchema, step: string | number): AnySchema | undefined {
  const {entries, item, value, key} = unwrap(schema);
  if (entries !== undefined) return Object.hasOwn(entries, step) ? entries[step] : undefined;
  if (item !== undefined) return item;
  return key === undefined ? undefined : value;
}
