/** Where the built programs are; this file runs from dist/e2e/lab. Pure. */
import {fileURLToPath} from 'node:url';

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

export const programs = {
  cni: fromRoot('build/Release/twill'),
  daemon: fromRoot('bin/twilld'),
  ctl: fromRoot('bin/twillctl'),
  /** Debian's containernetworking-plugins. */
  referencePlugins: '/usr/lib/cni',
} as const;

export {fromRoot};
