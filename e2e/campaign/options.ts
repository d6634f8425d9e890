/** The command line of the campaign. Pure. */
import {parseArgs} from 'node:util';

export interface Options {
  readonly seed: number;
  readonly steps: number;
  readonly log: string | undefined; // a file
}

export const usage = `Usage: node dist/e2e/campaign.js [--seed N] [--steps N] [--log FILE]

Three nodes with backend bgp, etcd and a BIRD router, in namespaces of this machine (root). N random steps, up
to four at once: daemons, etcd, links, packets, pods, records and the router are killed, cut, lost, added and
changed. After each burst it waits until the cluster has settled, and checks what every part must say and hold.

  --seed N     which steps (1); the same seed makes the same choices
  --steps N    how many (20)
  --log FILE   what the daemons said goes there
  -h, --help   prints this

It ends with code 1 at the first thing that is wrong, and says in which burst. About half a minute a burst.
`;

/** @throws Error that says what is wrong with the arguments. */
export function readOptions(argv: readonly string[]): Options | 'help' {
  const {values} = parseArgs({
    args: [...argv],
    options: {
      seed: {type: 'string', default: '1'},
      steps: {type: 'string', default: '20'},
      log: {type: 'string'},
      help: {type: 'boolean', short: 'h', default: false},
    },
  });
  if (values.help) return 'help';
  const [seed, steps] = [toCount('--seed', values.seed), toCount('--steps', values.steps)];
  return {seed, steps, log: values.log};
}

/** None at all would be a campaign that finds nothing wrong. */
function toCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) {
    throw new Error(`${option}: expected a whole number from 1, got '${text}'`);
  }
  return count;
}
