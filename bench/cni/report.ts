/** From batches to the table of the cni section. Pure. */
import type {SectionReport} from '../section.js';
import {median, quantile} from '../statistics.js';
import {type Cell, formatTable, judge} from '../table.js';
import type {Verb} from './batch.js';
import {type Sample, loads} from './load.js';

/** What one plugin did under one load, over all rounds. */
interface Figure {
  readonly medianMs: number; // of all calls
  readonly p99Ms: number;
  readonly cpuMs: number; // per call
  readonly podsPerSecond: number; // median of the rounds, until the last call ended
  readonly gonePerSecond: number | undefined; // DEL: until the last interface was gone
}

interface Row {
  readonly verb: Verb;
  readonly parallel: number;
  readonly twill: Figure;
  readonly ptp: Figure;
}

const goals: Readonly<Partial<Record<Verb, number>>> = {ADD: 0.35, DEL: 0.15};
const goalTimes = {parallel: 8, times: 5};

const head = [
  ...['VERB', 'PARALLEL', 'TWILL MS', 'P99', 'CPU', 'PTP MS', 'P99', 'CPU', 'RATIO', 'GOAL'],
  ...['TWILL PODS/S', 'PTP PODS/S', 'TIMES', 'GOAL'],
];

export function toReport(samples: readonly Sample[], rounds: number): SectionReport {
  const rows = (['VERSION', 'ADD', 'DEL'] as const).flatMap(verb =>
    loads
      .filter(({parallel}) => verb !== 'VERSION' || parallel === 1)
      .map(({parallel}) => ({
        ...{verb, parallel},
        twill: toFigure(samples, 'twill', verb, parallel),
        ptp: toFigure(samples, 'ptp', verb, parallel),
      })),
  );
  const pods = loads.map(load => load.pods).join(', ');
  return {
    title: 'CNI: whole processes, twill and ptp + host-local',
    table: formatTable(head, [...rows.map(toCells), ...rows.flatMap(toGoneCells)]),
    notes: [
      `Milliseconds per call: median, p99 and CPU of ${rounds} rounds with ${pods} pods; every exit code was 0.`,
      'CPU: of the process and of the daemon. VERSION is what starting the process costs.',
      'GONE: a DEL until the last interface was gone. twill answers it when traffic has ended and its',
      'journal is on disk; the link follows.',
    ],
    data: {rounds, rows, samples},
  };
}

function toFigure(
  samples: readonly Sample[],
  plugin: Sample['plugin'],
  verb: Verb,
  parallel: number,
): Figure {
  const own = samples.filter(
    sample => sample.plugin === plugin && sample.verb === verb && sample.parallel === parallel,
  );
  const calls = own.flatMap(({callMs}) => callMs);
  const cpuMs = own.reduce((sum, sample) => sum + sample.cpuMs, 0) / calls.length;
  const gone = own.flatMap(({goneMs, pods}) => (goneMs === undefined ? [] : [pods / goneMs]));
  return {
    medianMs: median(calls),
    p99Ms: quantile(calls, 0.99),
    cpuMs,
    podsPerSecond: 1000 * median(own.map(({pods, totalMs}) => pods / totalMs)),
    gonePerSecond: gone.length === 0 ? undefined : 1000 * median(gone),
  };
}

function toCells({verb, parallel, twill, ptp}: Row): readonly Cell[] {
  const ratio = twill.medianMs / ptp.medianMs;
  const times = twill.podsPerSecond / ptp.podsPerSecond;
  const goal = goals[verb];
  const hasTimesGoal = goal !== undefined && parallel === goalTimes.parallel;
  return [
    ...[verb, String(parallel), twill.medianMs, twill.p99Ms, twill.cpuMs],
    ...[ptp.medianMs, ptp.p99Ms, ptp.cpuMs, ratio],
    goal === undefined ? undefined : judge(ratio, '<=', goal),
    ...[twill.podsPerSecond, ptp.podsPerSecond, times],
    hasTimesGoal ? judge(times, '>=', goalTimes.times) : undefined,
  ];
}

function toGoneCells({verb, parallel, twill, ptp}: Row): readonly (readonly Cell[])[] {
  const [own, other] = [twill.gonePerSecond, ptp.gonePerSecond];
  if (verb !== 'DEL' || own === undefined || other === undefined) return [];
  const latency = new Array<Cell>(8).fill(undefined);
  return [['GONE', String(parallel), ...latency, own, other, own / other, undefined]];
}
