/** Ping from every pod to every pod in both families. Shell. */
import type {Pod} from '../lab/pod.js';
import {bad, good} from './print.js';

export interface Matrix {
  readonly rows: readonly (readonly string[])[];
  readonly pings: number;
  readonly answered: number;
}

/** Cells are round trips in ms, `IPv4 IPv6`; `lost` where there was none. */
export async function pingMatrix(pods: readonly Pod[]): Promise<Matrix> {
  let pings = 0;
  let answered = 0;
  const cell = async (from: Pod, to: Pod): Promise<string> => {
    if (from === to) return '';
    const times = await Promise.all([to.ipv4, to.ipv6].map(address => roundTripMs(from, address)));
    pings += times.length;
    answered += times.filter(time => time !== undefined).length;
    return times.map(time => (time === undefined ? bad('lost') : good(time.toFixed(2)))).join(' ');
  };
  const rows: string[][] = [['', ...pods.map(pod => pod.name)]];
  for (const from of pods) {
    // one row at a time: round trips are measured, and there may be two processors only
    rows.push([from.name, ...(await Promise.all(pods.map(to => cell(from, to))))]);
  }
  return {rows, pings, answered};
}

async function roundTripMs(from: Pod, address: string): Promise<number | undefined> {
  const family = address.includes(':') ? '-6' : '-4';
  const argv = ['busybox', 'ping', family, '-c', '1', '-W', '2', address];
  const {stdout} = await from.run(argv, {mayFail: true});
  const time = /time=([\d.]+) ms/.exec(stdout)?.[1];
  return time === undefined ? undefined : Number(time);
}
