/** The interface that leads to other hosts, told to the state whenever it is another. Shell. */
import {systemClock} from '../datastore/clock.js';
import {hasMoved, type UnderlayChoice} from '../node/underlay.js';
import {UnderlayWatch} from '../node/watch-underlay.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export interface UnderlayPart extends Part {
  /** Why there is none; undefined when there is one. */
  reason(): string | undefined;
}

export function createUnderlay({config, core, kernel, log, news, report}: Context): UnderlayPart {
  let known: UnderlayChoice | undefined;
  const reason = () => (known?.kind === 'none' ? `no underlay: ${known.reason}` : undefined);

  function note(choice: UnderlayChoice): void {
    report.underlay(choice);
    const isMoved = hasMoved(known, choice);
    known = choice;
    if (isMoved) news.moved.emit();
    core.dispatch({
      kind: 'underlay',
      underlay: choice.kind === 'none' ? undefined : choice.underlay,
    });
  }

  const watch = new UnderlayWatch({
    socket: kernel.host,
    settings: {ipv4: config.node.address, ipv6: config.node.address6},
    clock: systemClock,
    resyncMs: config.resyncIntervalMs,
    onChoice: note,
    onError: error => log.error({err: error}, 'underlay could not be looked for'),
  });
  return {
    start: () => watch.start(),
    stop: () => watch.stop(),
    reason,
    problems() {
      const message = reason();
      return message === undefined ? [] : [{key: 'underlay', message}];
    },
  };
}
