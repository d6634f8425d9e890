/**
 * `make bench`: Twill beside what people use today, on this machine. Shell.
 *
 * Tables go to standard output, progress to standard error. Everything runs in the namespaces of a
 * lab (e2e/lab.ts), so however it ends nothing is left behind.
 */
import {accessSync, closeSync, constants, mkdirSync, openSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {resolve} from 'node:path';

import {ProgramScope, readArguments} from '../e2e/lab/program.js';
import {measureBgp} from './bgp/section.js';
import {measureBgpScale} from './bgp-scale/section.js';
import {measureCni} from './cni/section.js';
import {measureCniBesideBgp} from './cni-bgp/section.js';
import {type Machine, describeMachine, formatMachine} from './machine.js';
import {measureMemory} from './memory/section.js';
import {type Options, type SectionName, readOptions, usage} from './options.js';
import {measurePeers} from './peers/section.js';
import type {Section, SectionReport} from './section.js';
import {createStateDir} from './state-dir.js';
import {buildDir, compileTools, tool} from './tools.js';

const sections: Readonly<Record<SectionName, {run: Section; rounds: number}>> = {
  cni: {run: measureCni, rounds: 5},
  'cni-bgp': {run: measureCniBesideBgp, rounds: 3},
  peers: {run: measurePeers, rounds: 3},
  memory: {run: measureMemory, rounds: 1},
  bgp: {run: measureBgp, rounds: 3},
  'bgp-scale': {run: measureBgpScale, rounds: 1},
};

async function main(scope: ProgramScope, options: Options): Promise<void> {
  progress('compiling');
  await compileTools();
  mkdirSync(buildDir, {recursive: true});
  const parent = resolve(options.state ?? buildDir);
  const machine = await readMachine(scope, parent);
  console.log(formatMachine(machine));

  const reports: Record<string, SectionReport> = {};
  for (const name of options.only) {
    const report = await runSection(scope, name, parent, options);
    reports[name] = report;
    console.log(`\n${report.title}\n\n${report.table}`);
    for (const note of report.notes) console.log(`  ${note}`);
  }
  if (options.json === undefined) return;
  const data = Object.entries(reports).map(([name, report]) => [name, report.data]);
  const all = {machine, ...(Object.fromEntries(data) as object)};
  await writeFile(options.json, `${JSON.stringify(all, null, 2)}\n`);
}

async function readMachine(scope: ProgramScope, parent: string): Promise<Machine> {
  const machine = await describeMachine(await createStateDir(scope, parent));
  await scope.close();
  return machine;
}

async function runSection(
  scope: ProgramScope,
  name: SectionName,
  parent: string,
  options: Options,
): Promise<SectionReport> {
  const {run, rounds} = sections[name];
  try {
    return await run({
      scope,
      rounds: options.rounds ?? rounds,
      settleSeconds: options.settleSeconds,
      stateDir: await createStateDir(scope, parent),
      tool,
      progress: text => progress(`${name}: ${text}`),
    });
  } finally {
    await scope.close();
  }
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

const WRITE = constants.W_OK | constants.X_OK;

function readChecked(argv: readonly string[]): Options | 'help' {
  const options = readOptions(argv);
  if (options === 'help') return options;
  const {json, state} = options;
  if (json !== undefined) assertCan('--json', () => closeSync(openSync(json, 'a')));
  if (state !== undefined) assertCan('--state', () => accessSync(`${state}/.`, WRITE));
  return options;
}

/** Now, and not after minutes of measuring. @throws Error that names the option. */
function assertCan(option: string, attempt: () => void): void {
  try {
    attempt();
  } catch (error) {
    throw new Error(`${option}: ${error instanceof Error ? error.message : error}`);
  }
}

const scope = new ProgramScope();
let ending = false;

async function end(code: number, error?: unknown): Promise<void> {
  if (ending) return;
  ending = true;
  if (error !== undefined) console.error(error instanceof Error ? error.message : String(error));
  await scope.close();
  process.exit(code);
}

const options = readArguments('bench', usage, readChecked);
process.on('SIGINT', () => void end(130));
process.on('SIGTERM', () => void end(143));
process.on('SIGHUP', () => void end(129));
main(scope, options).then(
  () => end(0),
  (error: unknown) => end(1, error),
);
