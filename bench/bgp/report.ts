/** From runs to the table of the bgp section. Pure. */
import type {SectionReport} from '../section.js';
import {median} from '../statistics.js';
import {type Cell, formatTable, judge} from '../table.js';
import {contestantNames, type ContestantName} from './contestants.js';
import {loads, type Load, type Run} from './section.js';

const MIB = 1024 * 1024;
const mostOctetsPerPrefix = 150;
const leaders: ReadonlySet<ContestantName> = new Set(['twill', 'bird']);

export function toReport(runs: readonly Run[]): SectionReport {
  const rows = loads.flatMap(load => contestantNames.flatMap(name => rowOf(runs, load, name)));
  const head = [
    'TABLE',
    'SPEAKER',
    'SECONDS',
    'X BIRD',
    'CPU S',
    'PEAK MIB',
    'B/PREFIX',
    'UPDATES',
  ];
  return {
    title: 'BGP: a table from one peer to another, through the speaker, or into its kernel',
    table: formatTable([...head, 'GOAL'], rows),
    notes: [
      'Medians. From the first octet that the generator writes until the sink has seen every prefix, or',
      'the kernel has every route. B/PREFIX: peak RSS less RSS before, by prefix.',
    ],
    data: {runs},
  };
}

function rowOf(all: readonly Run[], load: Load, speaker: ContestantName): readonly Cell[][] {
  const of = (name: ContestantName) =>
    all.filter(run => run.load === load.name && run.speaker === name);
  const runs = of(speaker);
  const behind = contestantNames.filter(name => !leaders.has(name) && of(name).length > 0);
  if (runs.length === 0) return [];
  const middle = (read: (run: Run) => number, from = runs) => median(from.map(read));
  const timesBird = middle(run => run.seconds) / middle(run => run.seconds, of('bird'));
  const octets = middle(run => run.grownOctets) / load.prefixes;
  const seconds = middle(run => run.seconds);
  const others = behind.map(name => middle(run => run.seconds, of(name)));
  const isAhead = others.every(other => seconds < other);
  const verdicts = [`ahead of ${behind.join(', ')} ${isAhead ? 'met' : 'MISSED'}`];
  if (load.mostTimesBird !== undefined) {
    verdicts.unshift(`x BIRD ${judge(timesBird, '<=', load.mostTimesBird)}`);
  }
  if (!load.intoKernel) verdicts.push(`B/PREFIX ${judge(octets, '<=', mostOctetsPerPrefix)}`);
  return [
    [
      ...[load.name, speaker, seconds, timesBird],
      ...[middle(run => run.cpuMs) / 1000, middle(run => run.peakOctets) / MIB, octets],
      Math.round(middle(run => run.updates)).toString(),
      speaker === 'twill' ? verdicts.join(', ') : undefined,
    ],
  ];
}
