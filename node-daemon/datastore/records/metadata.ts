/**
 * `metadata` of a record. Pure.
 */
import * as v from 'valibot';
import {
  annotations,
  labels,
  mapping,
  namespaceName,
  objectName,
  optional,
  text,
  timestamp,
} from './fields.js';

const common = {
  labels: optional(labels),
  annotations: optional(annotations),
  uid: optional(text('text')),
  creationTimestamp: optional(timestamp), // set by twillctl when it creates the record
};

export const metadata = mapping({name: objectName, ...common});
export const namespaceMetadata = mapping({name: namespaceName, ...common});

/** Of singletons: there is one, and this is its name. */
export const singletonMetadata = mapping({
  name: v.literal('default', 'default (there is only one of this kind)'),
  ...common,
});

/** `kubectl get -o yaml` adds fields that are the API server's own; they are read and dropped. */
const serverFields = {
  generateName: optional(v.unknown()),
  generation: optional(v.unknown()),
  resourceVersion: optional(v.unknown()),
  managedFields: optional(v.unknown()),
  ownerReferences: optional(v.unknown()),
  finalizers: optional(v.unknown()),
  selfLink: optional(v.unknown()),
  deletionTimestamp: optional(v.unknown()),
  deletionGracePeriodSeconds: optional(v.unknown()),
};

export const kubernetesMetadata = v.pipe(
  mapping({name: objectName, namespace: optional(namespaceName), ...common, ...serverFields}),
  v.transform(({name, namespace = 'default', labels, annotations, uid, creationTimestamp}) => ({
    name,
    namespace,
    ...(labels && {labels}),
    ...(annotations && {annotations}),
    ...(uid !== undefined && {uid}),
    ...(creationTimestamp !== undefined && {creationTimestamp}),
  })),
);
