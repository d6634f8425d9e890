/** From rounds to the table of the peers section. Pure. */
import type {SectionReport} from '../section.js';
import {median} from '../statistics.js';
import {type Cell, formatTable, judge} from '../table.js';
import type {Round} from './section.js';

const goalTimesFloor = 2;

const views: readonly (readonly [string, (round: Round) => number])[] = [
  ['twilld runs: first put -> all in the kernel', round => round.join.fromFirstMs],
  ['twilld runs: last put -> all in the kernel', round => round.join.fromLastMs],
  ['  of it CPU of twilld in user space', round => round.join.userMs],
  ['  of it CPU of twilld in the kernel', round => round.join.kernelMs],
  ['twilld starts: process -> ready', round => round.start.readyMs],
  ['  of it reading, comparing and writing the kernel', round => round.start.passMs],
  ['bridge, ip -batch: routes by gateway', round => round.gatewayBatchMs],
  ['bridge, ip -batch: nexthop objects', round => round.nexthopBatchMs],
  ['raw netlink: nexthop objects (floor)', round => round.floorMs],
];
const judged = '  of it reading, comparing and writing the kernel';

export function toReport(rounds: readonly Round[], count: number): SectionReport {
  const sizes = [...new Set(rounds.map(round => round.count))];
  const medians = sizes.map(size => {
    const own = rounds.filter(round => round.count === size);
    return new Map(views.map(([name, read]) => [name, median(own.map(read))]));
  });
  const floors = sizes.map((_, index) => medians[index]?.get(views.at(-1)?.[0] ?? '') ?? NaN);
  const rows = views.map(([name]): readonly Cell[] => {
    const cells = sizes.flatMap((_, index) => {
      const value = medians[index]?.get(name) ?? NaN;
      return [value, value / (floors[index] ?? NaN)];
    });
    const worst = Math.max(...cells.filter((_, index) => index % 2 === 1));
    return [name, ...cells, name === judged ? judge(worst, '<=', goalTimesFloor) : undefined];
  });
  const head = sizes.flatMap(size => [`${size.toLocaleString('en')} MS`, 'X FLOOR']);
  return {
    title: 'PEERS: per host one route, nexthop, neighbour and fdb entry',
    table: formatTable(['WHAT', ...head, 'GOAL'], rows),
    notes: [
      `Medians of ${count} rounds; after each of them every table was counted.`,
      `Writing the records took ${sizes.map((size, at) => putText(rounds, size, at)).join(', ')}.`,
    ],
    data: {rounds},
  };
}

function putText(rounds: readonly Round[], size: number, at: number): string {
  const own = rounds.filter(({count}) => count === size).map(({join}) => join.putMs);
  const text = `${Math.round(median(own))} ms`;
  return at === 0 ? `etcd ${text} for ${size}` : `${text} for ${size}`;
}
