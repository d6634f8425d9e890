/**
 * The CNI_* variables, validated again: the socket is root's alone, but what root's runtime was
 * asked to pass on comes from tenants. Pure.
 */
import {CNI_CODE, CniError} from './error.js';
import type {Frame} from './frame.js';
import type {Verb} from './version.js';

/** Room for `<containerId>.<ifName>.<random>` in a file name of 255 octets. */
const MAX_CONTAINER_ID = 200;
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** Kubernetes names and the ids that runtimes make; they end up in records and messages. */
const POD_FIELD = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$/;
const MAX_ARGS = 8192;

export interface PodArgs {
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly infraContainerId?: string;
  /** From `IP=`, as text; more than one is separated by commas. */
  readonly ips: readonly string[];
  readonly mac?: string;
}

export interface Environment {
  readonly containerId: string;
  readonly ifName: string;
  /** As the runtime gave it: printed in results, never opened. Empty on a DEL without one. */
  readonly netnsPath: string;
  readonly args: PodArgs;
}

/** @throws CniError 4 naming the variable that is missing or malformed. */
export function parseEnvironment(frame: Frame, verb: Verb): Environment {
  requireName('CNI_CONTAINERID', frame.containerId, isContainerId);
  requireName('CNI_IFNAME', frame.ifName, isInterfaceName);
  if (hasControl(frame.netnsPath) || frame.netnsPath.length > 4096) {
    throw invalid('CNI_NETNS', 'is no path');
  }
  const {containerId, ifName, netnsPath} = frame;
  // Whoever comes to clean up must not be stopped by what an ADD would refuse.
  const args = verb === 'DEL' ? {ips: []} : parseArgs(frame.args);
  return {containerId, ifName, netnsPath, args};
}

export function isContainerId(text: string): boolean {
  return text.length <= MAX_CONTAINER_ID && CONTAINER_ID.test(text);
}

/** linux/net/core/dev.c dev_valid_name(), of ASCII, without the % that the kernel would number. */
export function isInterfaceName(text: string): boolean {
  return /^[!-~]{1,15}$/.test(text) && !/[/:%]/.test(text) && !/^\.\.?$/.test(text);
}

/** @throws CniError 4 naming CNI_ARGS and the key. */
export function parseArgs(text: string): PodArgs {
  if (text === '') return {ips: []};
  if (text.length > MAX_ARGS || hasControl(text))
    throw invalid('CNI_ARGS', 'is too long or no text');
  const pairs = text
    .split(';')
    .filter(pair => pair !== '')
    .map(splitPair);
  const lenient = pairs.some(([key, value]) => key === 'IgnoreUnknown' && isTrue(value));

  const found: {-readonly [K in keyof PodArgs]: PodArgs[K]} & {ips: string[]} = {ips: []};
  for (const [key, value] of pairs) {
    if (value === '' || key === 'IgnoreUnknown') continue;
    switch (key) {
      case 'K8S_POD_NAMESPACE':
        found.namespace = podField(key, value);
        break;
      case 'K8S_POD_NAME':
        found.name = podField(key, value);
        break;
      case 'K8S_POD_UID':
        found.uid = podField(key, value);
        break;
      case 'K8S_POD_INFRA_CONTAINER_ID':
        found.infraContainerId = podField(key, value);
        break;
      case 'IP':
        found.ips = value.split(',').map(part => part.trim());
        break;
      case 'MAC':
        found.mac = value;
        break;
      default:
        if (!lenient) throw invalid('CNI_ARGS', `has the unknown key ${key.slice(0, 64)}`);
    }
  }
  return found;
}

function splitPair(pair: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  if (equals <= 0) throw invalid('CNI_ARGS', 'holds a part that is not KEY=VALUE');
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

function podField(key: string, value: string): string {
  if (!POD_FIELD.test(value)) throw invalid('CNI_ARGS', `${key} is not a Kubernetes name`);
  return value;
}

function requireName(variable: string, value: string, isValid: (text: string) => boolean): void {
  if (value === '') throw invalid(variable, 'is missing');
  if (!isValid(value)) throw invalid(variable, 'is not a valid name');
}

function invalid(variable: string, what: string): CniError {
  return new CniError(CNI_CODE.invalidEnvironment, `${variable} ${what}`);
}

function isTrue(value: string): boolean {
  return value === '1' || value.toLowerCase() === 'true';
}

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}
