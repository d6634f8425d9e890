/**
 * A journalled attachment as the Endpoint record that others read. Pure.
 */
import type {Attachment} from '#ipam';
import type {EndpointTable} from './endpoint-plan.js';
import {endpointRecordHead, type Endpoint} from './records/endpoint.js';
import {endpointKey, endpointName} from './records/keys.js';

/** Attachments on their way in or out are not endpoints: nobody can reach them. */
export function toEndpointTable(
  prefix: string,
  node: string,
  attachments: readonly Attachment[],
): EndpointTable {
  return new Map(
    attachments
      .filter(({state}) => state === 'ready')
      .map(attachment => [
        endpointKey(prefix, node, attachment.containerId, attachment.ifName),
        JSON.stringify(toEndpoint(node, attachment)),
      ]),
  );
}

function toEndpoint(node: string, attachment: Attachment): Endpoint {
  const {containerId, ifName, network, addresses, hostInterface, mac, pod, labels, createdAt} =
    attachment;
  return {
    ...endpointRecordHead,
    metadata: {
      name: endpointName(containerId, ifName),
      ...(labels && {labels}),
      creationTimestamp: createdAt,
    },
    spec: {
      ...{node, containerId, ifName, network, hostInterface, mac},
      addresses: [...addresses],
      ...(pod && {
        pod: {
          namespace: pod.namespace,
          name: pod.name,
          ...(pod.uid !== undefined && {uid: pod.uid}),
        },
      }),
    },
  };
}
