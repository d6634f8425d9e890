/** Compiles the C++ that measures, into build/bench. Shell. */
import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';

import {run} from '../e2e/lab/process.js';
import {fromRoot} from '../e2e/lab/programs.js';

const sources = {spawn: 'bench/cni/spawn.cc', floor: 'bench/peers/floor.cc'} as const;
export const buildDir = fromRoot('build/bench');

/** @throws CommandError with the compiler's words. */
export async function compileTools(): Promise<void> {
  await mkdir(buildDir, {recursive: true});
  const compiling = Object.entries(sources).map(([name, source]) =>
    run(['g++', '-std=c++17', '-O2', '-Wall', '-pthread', '-o', tool(name), fromRoot(source)], {
      timeoutMs: 120_000,
    }),
  );
  await Promise.all(compiling);
}

export function tool(name: string): string {
  return join(buildDir, name);
}
