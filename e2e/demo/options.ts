/** The command line of the demo and of the lab. Pure. */
import {parseArgs} from 'node:util';

const fabrics = ['vxlan', 'bgp'] as const;
export type Fabric = (typeof fabrics)[number];

export interface Options {
  readonly keep: boolean;
  readonly fabric: Fabric;
}

export const usage = `Usage: node dist/e2e/demo.js [--keep] [--fabric vxlan|bgp]

Three hosts in namespaces of this machine, with real etcd and pods: over VXLAN, then over BGP and two switches
(FRR). Leaves nothing behind, however it ends. Needs root. \`make demo\` and \`make lab\` (--keep) run it.

  --keep            stays until Ctrl-C, and says how to look around
  --fabric FABRIC   vxlan: everything, or with --keep the hosts on VXLAN (default); bgp: only those on two switches
  -h, --help        prints this
`;

/** @throws Error that says what is wrong with the arguments. */
export function readOptions(argv: readonly string[]): Options | 'help' {
  const {values} = parseArgs({
    args: [...argv],
    options: {
      keep: {type: 'boolean', default: false},
      fabric: {type: 'string', default: 'vxlan'},
      help: {type: 'boolean', short: 'h', default: false},
    },
  });
  if (values.help) return 'help';
  return {keep: values.keep, fabric: toFabric(values.fabric)};
}

function toFabric(text: string): Fabric {
  const fabric = fabrics.find(candidate => candidate === text);
  if (fabric === undefined) {
    throw new Error(`--fabric: expected ${fabrics.join(' or ')}, got '${text}'`);
  }
  return fabric;
}
