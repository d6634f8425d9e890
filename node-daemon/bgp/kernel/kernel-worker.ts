/** The thread of BGP's end of the kernel: what a Worker runs. Shell. */
import {parentPort, workerData, type MessagePort} from 'node:worker_threads';

import {plainFields} from '../plain-fields.js';
import {RightOfWay} from '../right-of-way.js';
import {priorityOfThisThread} from '../thread-priority.js';
import {BgpKernel} from './bgp-kernel.js';
import type {RouteAnswer} from '../messages.js';
import type {
  ColumnsMessage,
  KernelCommand,
  KernelMessage,
  KernelWorkerData,
} from './kernel-messages.js';
import {kernelOf} from './open-kernel.js';
import {rehearseWrites} from './rehearsal.js';

const {yieldToVerbs, noteWork} = priorityOfThisThread();
yieldToVerbs(); // the threads of its sockets, too, which write tables to the kernel
const port = parentPort;
if (port === null) throw new Error('kernel-worker is no program');
const post = (message: KernelMessage) => port.postMessage(message);
let asker: MessagePort = port; // who tells of routes
const answer = (message: RouteAnswer) => asker.postMessage(message);
const log = (level: 'info' | 'warn') => (fields: object, message: string) =>
  post({kind: 'log', level, message, fields: plainFields({...fields})});

const {verbs} = workerData as KernelWorkerData;
const rightOfWay = verbs && new RightOfWay(verbs);

const kernel = new BgpKernel({
  ...kernelOf(),
  log: {info: log('info'), warn: log('warn')},
  onNextHops: states => answer({kind: 'nextHops', states}),
  onHolding: families => post({kind: 'holding', families}),
  othersPass: () => rightOfWay?.passed(),
});
await rehearseWrites();
post({kind: 'started', held: await kernel.start()});
noteWork();

port.on('message', (command: KernelCommand) => {
  switch (command.kind) {
    case 'routesFrom':
      asker = command.port;
      asker.on('message', hearOfRoutes);
      return;
    case 'status':
      return post({kind: 'status', id: command.id, status: kernel.status()});
    case 'stop':
      return void kernel.stop().then(() => post({kind: 'stopped'}));
    default:
      return hearOfRoutes(command);
  }
});

function hearOfRoutes(message: ColumnsMessage): void {
  switch (message.kind) {
    case 'selectedColumns':
      noteWork();
      return void kernel.selectColumns(message.columns).then(() => answer({kind: 'selectedTaken'}));
    case 'sweep':
      return kernel.sweep(message.family);
    case 'nextHopInterest':
      return kernel.watch(message.changes);
    case 'install':
      return kernel.install(message.isWanted);
  }
}
