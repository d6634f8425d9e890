/** The speakers that are measured, each between a generator and a sink. */
import {Bird} from '../../e2e/bgp/lab/bird.js';
import {Frr} from '../../e2e/bgp/lab/frr.js';
import {Gobgp} from '../../e2e/bgp/lab/gobgp.js';
import {Openbgpd} from '../../e2e/bgp/lab/openbgpd.js';
import type {Router, RouterConfig} from '../../e2e/bgp/lab/router.js';
import {Speaker} from '../../e2e/bgp/lab/speaker.js';
import type {Machine} from '../../e2e/bgp/lab.js';

export const contestantNames = ['twill', 'bird', 'frr', 'openbgpd', 'gobgp'] as const;
export type ContestantName = (typeof contestantNames)[number];

/** Those that write a Linux kernel's routes. */
export const kernelWriters: readonly ContestantName[] = ['twill', 'bird', 'frr'];

export function createContestant(
  name: ContestantName,
  machine: Machine,
  config: RouterConfig,
): Router {
  switch (name) {
    case 'twill':
      return new Speaker(machine, config, {thread: 'own', printRoutes: false}); // as twilld runs it
    case 'bird':
      return new Bird(machine, config);
    case 'frr':
      return new Frr(machine, config);
    case 'openbgpd':
      return new Openbgpd(machine, config);
    case 'gobgp':
      return new Gobgp(machine, config);
  }
}
