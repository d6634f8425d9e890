/** The Kernel port on the real kernel. Shell. */
import {namespaceOf, openNetlink, writeSysctl} from '#native-addon';
import type {Clock, Kernel} from './port.js';

/** `close` ends what is under way with an error. @throws NetlinkError when no socket can be had. */
export async function openKernel(): Promise<Kernel & {close(): void}> {
  const host = await openNetlink();
  const deletions = await openNetlink();
  return {
    host,
    deletions,
    hostNamespace: namespaceOf({path: '/proc/self/ns/net'}),
    identify: descriptor => namespaceOf({fd: descriptor}),
    openPod: descriptor => openNetlink({namespace: {fd: descriptor}}),
    enableIpv6: async (descriptor, ifName) => {
      // Not `all`: that would write every interface of the pod, those of other networks too.
      for (const name of ['lo', ifName]) {
        await writeSysctl({fd: descriptor}, `net/ipv6/conf/${name}/disable_ipv6`, '0');
      }
    },
    close: () => {
      host.close();
      deletions.close();
    },
  };
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
