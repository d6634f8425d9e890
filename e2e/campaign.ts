/**
 * Random faults and changes in a whole cluster, and what must be true after each. Program.
 *
 *   node dist/e2e/campaign.js --seed 7 --steps 40
 */
import {writeFileSync} from 'node:fs';

import {checkSizes, complaints} from './campaign/health.js';
import {readOptions, usage, type Options} from './campaign/options.js';
import {compareWithFresh, oracles} from './campaign/oracle.js';
import {Random} from './campaign/random.js';
import {settle} from './campaign/settle.js';
import {burst} from './campaign/steps.js';
import {dependsOnHistory, nodeNames} from './campaign/wish.js';
import {World} from './campaign/world.js';
import {ProgramScope, readArguments} from './lab/program.js';

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

async function main({seed, steps, log}: Options): Promise<void> {
  const scope = new ProgramScope();
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
  if (log !== undefined) keepLogs(world, log);
  await scope.close();
}

await main(readArguments('campaign', usage, readOptions));
