/** How JSON from outside is checked: the habits that all schemas of this folder share. Pure. */
import * as v from 'valibot';
import {CNI_CODE, CniError} from './error.js';

/** Absent. Go writes null for what is absent, and for an empty list. */
export function optional<S extends v.GenericSchema>(schema: S) {
  return v.optional(
    v.pipe(
      v.nullable(schema),
      v.transform(value => value ?? undefined),
    ),
  );
}

/** valibot takes an array for an object. */
const noList = v.check<unknown, string>(value => !Array.isArray(value), 'expected an object');

export function object<E extends v.ObjectEntries>(entries: E) {
  return v.pipe(v.unknown(), noList, v.object(entries));
}

/** An object with any keys, whose values follow one schema. */
export function dictionary<S extends v.GenericSchema>(schema: S) {
  return v.pipe(v.unknown(), noList, v.record(v.string(), schema));
}

/** @throws CniError 7 naming the first field that is wrong, below `prefix`. */
export function validate<S extends v.GenericSchema>(
  schema: S,
  json: unknown,
  prefix = '',
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, json, {abortEarly: true});
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = [prefix, v.getDotPath(issue)].filter(part => part !== null && part !== '');
  const field = path.length === 0 ? 'the network configuration' : path.join('.');
  throw new CniError(CNI_CODE.invalidConfig, `${field}: ${issue.message}`);
}
