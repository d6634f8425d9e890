/**
 * Random faults and changes in a whole cluster, and what must be true after each. Program.
 *
 *   node dist/e2e/campaign.js --seed 7 --steps 40
 */
import {writeFileSync} from 'node:fs';
import {parseArgs} from 'node:util';

import {checkSizes, complaints} from './campaign/health.js';
import {compareWithFresh, oracles} from './campaign/oracle.js';
import {Random} from './campaign/random.js';
import {settle} from './campaign/settle.js';
import {burst} from './campaign/steps.js';
import {dependsOnHistory, nodeNames} from './campaign/wish.js';
import {World} from './campaign/world.js';
import type {Scope} from './lab.js';

const help = `usage: node dist/e2e/campaign.js [--seed N] [--steps N] [--log FILE]

Three nodes with backend bgp, etcd and a BIRD router, in namespaces of this machine (root). N random steps, up
to four at once: daemons, etcd, links, packets, pods, records and the router are killed, cut, lost, added and
changed. After each burst it waits until the cluster has settled, and checks what every part must say and hold.

  --seed N     which steps (1); the same seed makes the same choices
  --steps N    how many (20)
  --log FILE   what the daemons said goes there
  --help       this

It ends with code 1 at the first thing that is wrong, and says in which burst. About half a minute a burst.
`;

const {values} = parseArgs({
  options: {
    seed: {type: 'string', default: '1'},
    steps: {type: 'string', default: '20'},
    log: {type: 'string'},
    help: {type: 'boolean', default: false},
  },
});

class CampaignScope implements Scope {
  readonly #undo: (() => Promise<void>)[] = [];

  teardown(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  async close(): Promise<void> {
    for (let undo = this.#undo.pop(); undo; undo = this.#undo.pop()) await undo();
  }
}

async function campaign(world: World, random: Random, steps: number): Promise<void> {
  for (const node of nodeNames) await world.addPod(node);
  await settle(world);
  say('ready');
  for (let done = 0; done < steps;) {
    const chosen = burst(random, world, steps - done);
    done += chosen.length;
    const words = chosen.map(step => step.words).join(' | ');
    const [node, how] = [random.pick(nodeNames), random.pick(oracles)] as const;
    say(`${done}/${steps} ${words}`);
    const startedAt = performance.now();
    await Promise.all(chosen.map(step => step.run()));
    const views = await settle(world);
    const settledMs = performance.now() - startedAt;
    const isCompared = random.chance(0.7) && !dependsOnHistory(world.wish);
    if (isCompared) await compareWithFresh(world, node, views.get(node), how);
    const compared = isCompared ? `${node} compared (${how})` : 'not compared';
    say(`   settled after ${Math.round(settledMs / 1000)} s; ${compared}; ${checkSizes(world)}`);
  }
  await world.clear();
}

function say(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

function tellComplaints(world: World): void {
  for (const [kind, count] of complaints(world)) console.log(`   log, ${count} times: ${kind}`);
}

function keepLogs(world: World, file: string): void {
  const lines = nodeNames.flatMap(name =>
    world.host(name).daemons.flatMap(({process}) => process.lines.map(line => `${name} ${line}`)),
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(help);
  const [seed, steps] = [Number(values.seed), Number(values.steps)];
  const scope = new CampaignScope();
  const world = await World.open(scope);
  try {
    say(`seed ${seed}, ${steps} steps`);
    await campaign(world, new Random(seed), steps);
    say(`seed ${seed}: nothing wrong`);
  } catch (error) {
    say(`seed ${seed}: WRONG: ${error instanceof Error ? error.message : String(error)}`);
    console.log(`   wish: ${JSON.stringify(world.wish)}`);
    process.exitCode = 1;
  }
  tellComplaints(world);
  if (values.log !== undefined) keepLogs(world, values.log);
  await scope.close();
}

await main();
