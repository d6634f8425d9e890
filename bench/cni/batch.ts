/**
 * A batch: one verb for many pods, so many at a time, by the real binaries. Shell.
 *
 * Results are kept, and a DEL gets the one of its ADD as prevResult, as runtimes do it. All files of
 * a batch are in the host's /run, which is memory; writing and reading them is not timed.
 */
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';

import type {CniResult} from '../../e2e/lab/cni.js';
import type {Pod} from '../../e2e/lab/pod.js';
import {readCpu} from '../daemon-status.js';
import type {Contestant} from './contestant.js';

export type Verb = 'ADD' | 'DEL' | 'VERSION';

export interface BatchOptions {
  readonly verb: Verb;
  readonly pods: readonly Pod[];
  readonly parallel: number;
  readonly spawn: string; // the compiled cni/spawn.cc
}

export interface Batch {
  readonly callMs: readonly number[]; // one per pod
  readonly totalMs: number; // until the last call ended
  readonly goneMs: number | undefined; // DEL: until the last interface was gone
  readonly cpuMs: number; // of all the processes and, meanwhile, of the daemon
}

const dir = '/run/bench';

/** @throws Error when a plugin ends with another code than 0. */
export async function runBatch(contestant: Contestant, options: BatchOptions): Promise<Batch> {
  const {host, binary, name} = contestant;
  const {verb, pods, parallel, spawn} = options;
  await mkdir(host.namespace.path(dir), {recursive: true});
  await writeInputs(contestant, verb, pods);
  const argv = [spawn, binary, String(parallel)];
  if (verb === 'DEL') argv.push(String((await countInterfaces(contestant)) - pods.length));
  const input = pods.map(pod => `${toJob(verb, pod)}\n`).join('');
  const before = await readCpu(host);
  const output = await host.run(argv, {input, timeoutMs: 120_000});
  const {codes, ...batch} = parseTimes(output.stdout, pods.length);
  const after = await readCpu(host);
  const daemonMs = after.userMs + after.kernelMs - before.userMs - before.kernelMs;
  for (const [index, code] of codes.entries()) {
    if (code === 0) continue;
    const pod = pods[index]?.name ?? '';
    const said = await readFile(host.namespace.path(resultFile(verb, pod)), 'utf8');
    throw new Error(`${name}: ${verb} of ${pod} ended with code ${code}: ${said}${output.stderr}`);
  }
  if (verb === 'ADD') await learnResults(contestant, pods);
  return {...batch, cpuMs: batch.cpuMs + daemonMs};
}

/**
 * Every pod of the batch has an address of its own, and a few are looked into: it is really there.
 * @throws Error otherwise.
 */
export async function verifyAdded({name}: Contestant, pods: readonly Pod[]): Promise<void> {
  const addresses = new Set(pods.map(pod => pod.ipv4));
  if (addresses.size !== pods.length || addresses.has('')) {
    throw new Error(`${name}: ${addresses.size} addresses for ${pods.length} pods`);
  }
  const looked = [pods[0], pods[pods.length >> 1], pods.at(-1)].filter(pod => pod !== undefined);
  for (const pod of looked) {
    const shown = await pod.ip('-o -4 address show dev eth0 up');
    if (!shown.includes(` ${pod.ipv4}/`)) throw new Error(`${name}: no ${pod.ipv4} in ${pod.name}`);
  }
}

async function writeInputs({host, config}: Contestant, verb: Verb, pods: readonly Pod[]) {
  for (const pod of pods) {
    const stdin = verb === 'DEL' ? {...config, prevResult: pod.result} : config;
    await writeFile(host.namespace.path(inputFile(pod.name)), JSON.stringify(stdin));
  }
}

async function learnResults({host}: Contestant, pods: readonly Pod[]): Promise<void> {
  for (const pod of pods) {
    const text = await readFile(host.namespace.path(resultFile('ADD', pod.name)), 'utf8');
    pod.result = JSON.parse(text) as CniResult;
  }
}

function toJob(verb: Verb, {name, containerId, netns, ifName}: Pod): string {
  const args = [
    'IgnoreUnknown=1',
    'K8S_POD_NAMESPACE=bench',
    `K8S_POD_NAME=${name}`,
    `K8S_POD_INFRA_CONTAINER_ID=${containerId}`,
  ];
  const files = [inputFile(name), resultFile(verb, name)];
  return [verb, containerId, netns, ifName, args.join(';'), ...files].join(' ');
}

const inputFile = (pod: string) => join(dir, `${pod}.in`);
const resultFile = (verb: Verb, pod: string) => join(dir, `${pod}.${verb.toLowerCase()}`);

/** `/proc/PID/net/dev` has two lines of headings. */
async function countInterfaces({host}: Contestant): Promise<number> {
  const text = await readFile(`/proc/${host.namespace.pid}/net/dev`, 'utf8');
  return text.trimEnd().split('\n').length - 2;
}

function parseTimes(text: string, count: number): Batch & {readonly codes: readonly number[]} {
  const lines = text.trimEnd().split('\n');
  const calls = lines.slice(0, count).map(line => line.split(' ').map(Number));
  const named = new Map(lines.slice(count).map(line => line.split(' ') as [string, string]));
  const gone = named.get('gone');
  return {
    callMs: calls.map(([micros = NaN]) => micros / 1000),
    codes: calls.map(([, code = NaN]) => code),
    totalMs: Number(named.get('total')) / 1000,
    goneMs: gone === undefined ? undefined : Number(gone) / 1000,
    cpuMs: Number(named.get('cpu')) / 1000,
  };
}
