/** The real kernel under BgpKernel. Shell. */
import {
  openMonitor,
  openNetlink,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEXTHOP,
  type Monitor,
  type Namespace,
} from '#native-addon';
import {systemClock} from '../../datastore/clock.js';
import type {BgpKernelOptions, MonitorHandlers} from './bgp-kernel.js';

const GROUPS = [
  RTNLGRP_LINK,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_NEXTHOP,
];
const REOPEN_MS = 1000;

export function kernelOf(
  namespace?: Namespace,
): Pick<BgpKernelOptions, 'openSocket' | 'openMonitor' | 'clock'> {
  const where = namespace && {namespace};
  return {
    openSocket: () => openNetlink(where),
    openMonitor: handlers => openLasting(handlers, where),
    clock: systemClock,
  };
}

/** Opens again whenever it ends by itself. @throws NetlinkError when it cannot be opened at first. */
async function openLasting(
  {onMessage, onResync}: MonitorHandlers,
  where: {readonly namespace: Namespace} | undefined,
): Promise<Pick<Monitor, 'ignore' | 'close'>> {
  let current: Monitor | undefined;
  let ignored = 0;
  let isClosed = false;

  const open = async () => {
    const monitor = await openMonitor({
      ...where,
      groups: GROUPS,
      onMessage,
      onResync,
      onError: reopen,
    });
    if (isClosed) return monitor.close();
    current = monitor;
    monitor.ignore(ignored);
  };
  const reopen = (error: unknown) => {
    current = undefined;
    systemClock.after(REOPEN_MS, () => {
      if (!isClosed) open().then(() => onResync(`news broke off: ${String(error)}`), reopen);
    });
  };

  await open();
  return {
    ignore(port) {
      ignored = port;
      current?.ignore(port);
    },
    close() {
      isClosed = true;
      current?.close();
    },
  };
}
