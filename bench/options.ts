/** The command line. Pure. */
import {parseArgs} from 'node:util';

export const sectionNames = ['cni', 'cni-bgp', 'peers', 'memory', 'bgp', 'bgp-scale'] as const;
export type SectionName = (typeof sectionNames)[number];

export interface Options {
  readonly only: readonly SectionName[];
  readonly rounds: number | undefined; // undefined: each section's own
  readonly settleSeconds: number;
  readonly json: string | undefined;
  readonly state: string | undefined; // a directory
}

export const usage = `Usage: node dist/bench/main.js [--only cni,bgp,…] [--rounds N] [--settle SECONDS] [--state DIR] [--json FILE]

Measures Twill beside Debian's ptp + host-local, iproute2 and BGP routers, in namespaces of this machine. Needs root.

  --only LIST        sections to run: ${sectionNames.join(', ')}
  --rounds N         rounds of a section that has rounds (cni: 5, bgp-scale: 1, the others: 3)
  --settle SECONDS   how long memory is watched in each state (41; a resync takes place every 30 s)
  --state DIR        where daemon and host-local keep their files, a directory that is there (build/bench); its
                     disk is synced to
  --json FILE        everything that was measured
  -h, --help         prints this
`;

/** @throws Error that says what is wrong with the arguments. */
export function readOptions(argv: readonly string[]): Options | 'help' {
  const {values} = parseArgs({
    args: [...argv],
    options: {
      only: {type: 'string'},
      rounds: {type: 'string'},
      settle: {type: 'string'},
      state: {type: 'string'},
      json: {type: 'string'},
      help: {type: 'boolean', short: 'h'},
    },
  });
  if (values.help) return 'help';
  if (values.state === '') throw new Error("--state: expected a directory, got ''");
  return {
    only: values.only === undefined ? sectionNames : values.only.split(',').map(toSection),
    rounds: values.rounds === undefined ? undefined : toCount('--rounds', values.rounds, 1),
    settleSeconds: toCount('--settle', values.settle ?? '41', 1),
    json: values.json,
    state: values.state,
  };
}

function toSection(text: string): SectionName {
  const name = sectionNames.find(candidate => candidate === text);
  if (name === undefined) {
    throw new Error(`--only: there is no section '${text}'; there are ${sectionNames.join(', ')}`);
  }
  return name;
}

function toCount(option: string, text: string, least: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < least) {
    throw new Error(`${option}: expected a whole number from ${least}, got '${text}'`);
  }
  return count;
}
