/**
 * The journal of addresses, told to the state: every attachment at the start, then each change. Shell.
 */
import type {BookChange} from '#ipam';
import {routedAddresses} from '../node/routed-addresses.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export function createPods({book, core, kernel, log, news}: Context): Part {
  const tell = ({kind, attachment}: BookChange) => {
    if (kind !== 'released') return core.dispatch({kind: 'attachment', attachment});
    const {containerId, ifName} = attachment;
    core.dispatch({kind: 'attachment-gone', containerId, ifName});
  };

  /** Addresses of pods that a lost journal forgot are free once the kernel routes them no more. */
  async function releaseOrphans(): Promise<void> {
    if (book.orphans().length === 0) return;
    const routed = new Set(await routedAddresses(kernel.host));
    await book.forgetOrphans(book.orphans().filter(address => !routed.has(address)));
  }

  news.settings.on(() => {
    releaseOrphans().catch((err: unknown) =>
      log.warn({err}, 'orphaned addresses could not be looked at'),
    );
  });
  return {
    start() {
      core.dispatch({kind: 'attachments', attachments: book.list()});
      book.onChange(tell);
    },
  };
}
