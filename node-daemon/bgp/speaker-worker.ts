/** The thread of a speaker: what a Worker runs. Shell. */
import {parentPort} from 'node:worker_threads';

import {ConfigReader} from './config-message.js';
import {packSelected} from './selected-message.js';
import {createService, type ThreadCommand, type ThreadMessage} from './speaker-thread.js';

const port = parentPort;
if (port === null) throw new Error('speaker-worker is no program');

const reader = new ConfigReader();
const post = (message: ThreadMessage) => port.postMessage(message);
const service = createService(message =>
  post(
    message.kind === 'selected'
      ? {kind: 'selected', columns: packSelected(message.routes)}
      : message,
  ),
);

port.on('message', (command: ThreadCommand) =>
  service.execute(
    command.kind === 'configure'
      ? {kind: 'configure', config: reader.read(command.packed)}
      : command,
  ),
);
