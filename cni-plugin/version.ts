/** The versions of the CNI specification that twill speaks, and what each verb needs. Pure. */
import {CNI_CODE, CniError} from './error.js';

export const SUPPORTED_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof SUPPORTED_VERSIONS)[number];
export const NEWEST_VERSION: CniVersion = '1.1.0';

export const VERBS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type Verb = (typeof VERBS)[number];

/** The first version of the specification that has the verb. */
const SINCE: Readonly<Record<Verb, CniVersion>> = {
  ADD: '0.3.0',
  DEL: '0.3.0',
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
  VERSION: '0.3.0',
};

export function isSupportedVersion(text: string): text is CniVersion {
  return (SUPPORTED_VERSIONS as readonly string[]).includes(text);
}

/** Versions are compared by their place in SUPPORTED_VERSIONS, which is ascending. */
export function isAtLeast(version: CniVersion, least: CniVersion): boolean {
  return SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(least);
}

/** @throws CniError 4 when CNI_COMMAND is none of the specification's verbs. */
export function parseVerb(command: string): Verb {
  const verb = VERBS.find(candidate => candidate === command);
  if (verb === undefined) {
    throw new CniError(
      CNI_CODE.invalidEnvironment,
      `CNI_COMMAND is ${command === '' ? 'missing' : 'unknown'}: expected one of ${VERBS.join(', ')}`,
    );
  }
  return verb;
}

/** @throws CniError 1 when the configuration's version does not have the verb. */
export function requireVerb(version: CniVersion, verb: Verb): void {
  if (!isAtLeast(version, SINCE[verb])) {
    throw new CniError(
      CNI_CODE.incompatibleVersion,
      `cniVersion ${version} has no ${verb}: it came with ${SINCE[verb]}`,
    );
  }
}

export function versionReply(cniVersion: string): object {
  return {cniVersion, supportedVersions: SUPPORTED_VERSIONS};
}
