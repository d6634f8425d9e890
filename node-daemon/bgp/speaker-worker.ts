/** The thread of a speaker: what a Worker runs. Shell. */
import {parentPort} from 'node:worker_threads';

import {ConfigReader} from './config-message.js';
import {createService, type ThreadCommand, type ThreadMessage} from './speaker-thread.js';

const port = parentPort;
if (port === null) throw new Error('speaker-worker is no program');

const reader = new ConfigReader();
const service = createService<ThreadMessage>(
  message => port.postMessage(message),
  (speaker, limit) => {
    const columns = speaker.takeSelectedColumns(limit);
    return columns && {kind: 'selected', columns};
  },
);

port.on('message', (command: ThreadCommand) =>
  service.execute(
    command.kind === 'configure'
      ? {kind: 'configure', config: reader.read(command.packed)}
      : command,
  ),
);
