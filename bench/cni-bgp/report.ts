/** From batches to the table of the cni-bgp section. Pure. */
import type {SectionReport} from '../section.js';
import {median, quantile} from '../statistics.js';
import {type Cell, formatTable, judge} from '../table.js';
import {cases, type Case, type Sample} from './section.js';

const goalP99Ms = 20;

const head = ['PREFIXES', 'ADD MS', 'P90', 'P99', 'MAX', 'GOAL P99', 'TABLE IN S'];

const shown: Readonly<Record<Case, string>> = {
  none: 'none',
  rejected: 'rejected by the import policy',
  selected: 'accepted and selected',
  'into the kernel': 'accepted, into the kernel',
  'out of it': 'withdrawn, out of the kernel',
};

export interface Shape {
  readonly rounds: number;
  readonly pods: number;
  readonly prefixes: number;
}

export function toReport(
  samples: readonly Sample[],
  {rounds, pods, prefixes}: Shape,
): SectionReport {
  return {
    title: `CNI while ${prefixes} prefixes arrive`,
    table: formatTable(
      head,
      cases.map(table => toCells(table, samples)),
    ),
    notes: [
      `ADDs of ${pods} pods one after the other in each of ${rounds} rounds, and what becomes of the prefixes`,
      'meanwhile; whole processes, milliseconds per call. TABLE: from the first octet until the speaker had',
      'taken the last prefix.',
    ],
    data: {rounds, samples},
  };
}

function toCells(table: Case, samples: readonly Sample[]): readonly Cell[] {
  const own = samples.filter(sample => sample.table === table);
  const calls = own.flatMap(({callMs}) => callMs);
  const loads = own.flatMap(({loadMs}) => loadMs ?? []);
  const p99 = quantile(calls, 0.99);
  return [
    shown[table],
    ...[median(calls), quantile(calls, 0.9), p99, Math.max(...calls)],
    judge(p99, '<=', goalP99Ms),
    ...[loads.length === 0 ? undefined : median(loads) / 1000],
  ];
}
