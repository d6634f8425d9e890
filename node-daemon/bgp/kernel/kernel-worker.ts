/** The thread of BGP's end of the kernel: what a Worker runs. Shell. */
import {parentPort} from 'node:worker_threads';

import {plainFields} from '../plain-fields.js';
import {yieldToVerbs} from '../thread-priority.js';
import {BgpKernel} from './bgp-kernel.js';
import type {KernelCommand, KernelMessage} from './kernel-messages.js';
import {kernelOf} from './open-kernel.js';

yieldToVerbs();
const port = parentPort;
if (port === null) throw new Error('kernel-worker is no program');
const post = (message: KernelMessage) => port.postMessage(message);
const log = (level: 'info' | 'warn') => (fields: object, message: string) =>
  post({kind: 'log', level, message, fields: plainFields({...fields})});

const kernel = new BgpKernel({
  ...kernelOf(),
  log: {info: log('info'), warn: log('warn')},
  onNextHops: states => post({kind: 'nextHops', states}),
  onHolding: families => post({kind: 'holding', families}),
});
post({kind: 'started', held: await kernel.start()});

port.on('message', (command: KernelCommand) => {
  switch (command.kind) {
    case 'select':
      return void kernel.selectColumns(command.columns).then(() => post({kind: 'taken'}));
    case 'sweep':
      return kernel.sweep(command.family);
    case 'watch':
      return kernel.watch(command.changes);
    case 'status':
      return post({kind: 'status', id: command.id, status: kernel.status()});
    case 'stop':
      return void kernel.stop().then(() => post({kind: 'stopped'}));
  }
});
