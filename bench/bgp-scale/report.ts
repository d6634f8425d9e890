/** From figures to the table of the bgp-scale section. Pure. */
import type {SectionReport} from '../section.js';
import {median} from '../statistics.js';
import {type Cell, formatTable, judge} from '../table.js';

/** Of one round. */
export interface Figures {
  readonly stall: {readonly longestSilenceMs: number};
  readonly idle: {readonly octetsPerSession: number; readonly cpuShare: number};
  readonly reflector: {
    readonly seconds: number;
    readonly peakOctets: number;
    readonly cpuShare: number;
  };
  readonly mesh: {readonly seconds: number};
  readonly churn: {readonly times: readonly number[]; readonly cpuMs: number};
}

const KIB = 1024;
const MIB = 1024 * KIB;
const KEEPALIVE_MS = 1000; // of a hold time of 3 s, before jitter

interface Line {
  readonly what: string;
  readonly value: (figures: Figures) => number;
  readonly unit: string;
  readonly goal?: number;
}

const lines: readonly Line[] = [
  {
    what: '20 sessions of 3 s beside a table of 1,000,000: silence beyond a keepalive',
    value: ({stall}) => Math.max(0, stall.longestSilenceMs - KEEPALIVE_MS),
    ...{unit: 'ms', goal: 50},
  },
  {
    what: '5,000 idle sessions: memory of each',
    value: ({idle}) => idle.octetsPerSession / KIB,
    ...{unit: 'KiB', goal: 40},
  },
  {
    what: '5,000 idle sessions: processor',
    value: ({idle}) => idle.cpuShare * 100,
    ...{unit: '%', goal: 2},
  },
  {
    what: 'reflector, 1,400 clients with 4 prefixes: all know all',
    value: ({reflector}) => reflector.seconds,
    unit: 's',
  },
  {
    what: 'reflector: peak memory',
    value: ({reflector}) => reflector.peakOctets / MIB,
    ...{unit: 'MiB', goal: 300},
  },
  {
    what: 'reflector: processor, idle',
    value: ({reflector}) => reflector.cpuShare * 100,
    ...{unit: '%', goal: 5},
  },
  {
    what: 'mesh of 1,000 nodes: cold start until all are in the kernel',
    value: ({mesh}) => mesh.seconds,
    ...{unit: 's', goal: 10},
  },
  {
    what: '1,000 prefixes come or go, kernel and 99 peers: processor',
    value: ({churn}) => churn.cpuMs,
    ...{unit: 'ms', goal: 10},
  },
  {
    what: '1,000 prefixes come or go: until all 99 know',
    value: ({churn}) => median(churn.times),
    unit: 'ms',
  },
];

export function toReport(figures: readonly Figures[]): SectionReport {
  const rows = lines.map(({what, value, unit, goal}): readonly Cell[] => {
    const middle = median(figures.map(value));
    return [what, middle, unit, goal === undefined ? undefined : judge(middle, '<=', goal)];
  });
  return {
    title: 'BGP: one speaker of ours and many peers',
    table: formatTable(['WHAT', 'MEDIAN', 'UNIT', 'GOAL'], rows),
    notes: [
      'Of the rounds. Peers are one process of the bench that checks nothing; the speaker runs as twilld runs',
      'it, on threads of its own. Memory is of the whole process; the processor is one core.',
    ],
    data: {figures},
  };
}
