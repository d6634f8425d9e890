/** The pod's namespace as it came with the request. Shell: fstat of an open descriptor. */
import type {NetlinkSocket} from '#native-addon';
import {NetlinkError} from '#native-addon';
import {CNI_CODE, CniError} from './error.js';
import type {Kernel} from './port.js';

/**
 * 'dev:ino' of the namespace, as attachments carry it; empty without a descriptor.
 * @throws CniError 4 when it is the host's own: what is done to a pod must not be done to the node.
 */
export function identifyNamespace(kernel: Kernel, descriptor: number | undefined): string {
  if (descriptor === undefined) return '';
  const {dev, ino} = kernel.identify(descriptor);
  const {hostNamespace} = kernel;
  if (dev === hostNamespace.dev && ino === hostNamespace.ino) {
    throw new CniError(
      CNI_CODE.invalidEnvironment,
      "CNI_NETNS is the host's own network namespace",
    );
  }
  return `${dev}:${ino}`;
}

/** @throws CniError 4 when there is no descriptor, or it is no network namespace. */
export async function openPod(
  kernel: Kernel,
  descriptor: number | undefined,
): Promise<NetlinkSocket> {
  if (descriptor === undefined) throw missingNamespace();
  try {
    return await kernel.openPod(descriptor);
  } catch (cause) {
    if (!(cause instanceof NetlinkError) || cause.code !== 'EINVAL') throw cause;
    throw new CniError(CNI_CODE.invalidEnvironment, 'CNI_NETNS is no network namespace', {cause});
  }
}

export function missingNamespace(): CniError {
  return new CniError(
    CNI_CODE.invalidEnvironment,
    'CNI_NETNS is missing or could not be opened as a network namespace',
  );
}
