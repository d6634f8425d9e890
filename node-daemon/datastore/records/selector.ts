/**
 * Kubernetes label selectors (apimachinery meta/v1 LabelSelector). Pure.
 */
import * as v from 'valibot';
import {labelKey, labels, labelValue, list, mapping, oneOf, optional} from './fields.js';
import type {Value} from './schema.js';

const requirement = v.pipe(
  mapping({
    key: labelKey,
    operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: optional(list(labelValue)),
  }),
  v.forward(
    v.check(
      ({operator, values = []}) => !takesValues(operator) || values.length > 0,
      'at least one value for In and NotIn',
    ),
    ['values'],
  ),
  v.forward(
    v.check(
      ({operator, values = []}) => takesValues(operator) || values.length === 0,
      'no values for Exists and DoesNotExist',
    ),
    ['values'],
  ),
);

export const labelSelector = mapping({
  matchLabels: optional(labels),
  matchExpressions: optional(list(requirement)),
});

export type LabelSelector = Value<typeof labelSelector>;
export type LabelRequirement = NonNullable<LabelSelector['matchExpressions']>[number];
export type Labels = Readonly<Record<string, string>>;

/** An empty selector matches everything. What no selector means is for the caller to say. */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  const {matchLabels = {}, matchExpressions = []} = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every(expression => meetsRequirement(expression, labels))
  );
}

function meetsRequirement({key, operator, values = []}: LabelRequirement, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn': // also true without the label, as in Kubernetes
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function takesValues(operator: string): boolean {
  return operator === 'In' || operator === 'NotIn';
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
