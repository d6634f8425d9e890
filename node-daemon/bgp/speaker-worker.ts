/** The thread of a speaker: what a Worker runs. Shell. */
import {parentPort, type MessagePort} from 'node:worker_threads';

import {ConfigReader} from './config-message.js';
import {isOfRoutes, type RouteAnswer} from './messages.js';
import {rehearse} from './rehearsal.js';
import {takeColumns} from './speaker-service.js';
import {createService, type ThreadCommand} from './speaker-thread.js';
import {priorityOfThisThread} from './thread-priority.js';

const {yieldToVerbs, beEqual, noteWork} = priorityOfThisThread();
const port = parentPort;
if (port === null) throw new Error('speaker-worker is no program');

yieldToVerbs();
rehearse();
beEqual(); // before the threads of its sockets start

const reader = new ConfigReader();
let routesTo: MessagePort = port;
const service = await createService(
  message => (isOfRoutes(message) ? routesTo : port).postMessage(message),
  takeColumns,
  noteWork,
);

port.on('message', (command: ThreadCommand) => {
  switch (command.kind) {
    case 'routesTo':
      routesTo = command.port;
      routesTo.on('message', (answer: RouteAnswer) => service.execute(answer));
      return;
    case 'configure':
      return service.execute({kind: 'configure', config: reader.read(command.packed)});
    default:
      return service.execute(command);
  }
});
