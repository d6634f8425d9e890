/**
 * Network namespaces as handles. Shell.
 * Node's own threads never change namespace; src/namespace.cc sends a thread of its own.
 */
import {closeSync, fstatSync, statSync} from 'node:fs';

import {binding, type NamespaceOptions} from './binding.js';
import {systemError} from './netlink/errors.js';

export type Namespace = {readonly path: string} | {readonly fd: number};

/**
 * The identity of a namespace: two handles name the same one when both numbers agree (nsfs).
 * @throws Error of node:fs when there is nothing at the path, or the descriptor is closed.
 */
export function namespaceOf(namespace: Namespace): {dev: number; ino: number} {
  const {dev, ino} = 'path' in namespace ? statSync(namespace.path) : fstatSync(namespace.fd);
  return {dev, ino};
}

export function closeDescriptor(fd: number): void {
  closeSync(fd);
}

/**
 * One value under /proc/sys as the namespace has it, without the newline.
 * @throws NetlinkError with the errno of open, setns or read.
 */
export async function readSysctl(namespace: Namespace, name: string): Promise<string> {
  const bytes = await sysctlFile(namespace, name, undefined);
  return new TextDecoder().decode(bytes).trimEnd();
}

/** @throws NetlinkError with the errno of open, setns or write. */
export async function writeSysctl(ns: Namespace, name: string, value: string): Promise<void> {
  await sysctlFile(ns, name, value);
}

/** `net/ipv6/conf/eth0.100/disable_ipv6`, or with dots where no part of the name holds one. */
function sysctlFile(
  namespace: Namespace,
  name: string,
  value: string | undefined,
): Promise<Uint8Array> {
  const path = `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`;
  return new Promise((resolve, reject) => {
    binding.fileInNamespace(toOptions(namespace), path, value, (errno, syscall, bytes) => {
      if (errno === 0) resolve(bytes);
      else reject(systemError(`${syscall} ${path}`, errno));
    });
  });
}

export function toOptions(namespace: Namespace | undefined): NamespaceOptions {
  if (namespace === undefined) return {};
  return 'path' in namespace ? {namespacePath: namespace.path} : {namespaceFd: namespace.fd};
}
