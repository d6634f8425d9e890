/** The thread of a speaker: what a Worker runs. Shell. */
import {parentPort} from 'node:worker_threads';

import {ConfigReader} from './config-message.js';
import {takeColumns} from './speaker-service.js';
import {createService, type ThreadCommand} from './speaker-thread.js';
import {yieldToVerbs} from './thread-priority.js';

yieldToVerbs();
const port = parentPort;
if (port === null) throw new Error('speaker-worker is no program');

const reader = new ConfigReader();
const service = await createService(message => port.postMessage(message), takeColumns);

port.on('message', (command: ThreadCommand) =>
  service.execute(
    command.kind === 'configure'
      ? {kind: 'configure', config: reader.read(command.packed)}
      : command,
  ),
);
