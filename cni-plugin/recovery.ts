/**
 * After a start: the journal against the host's links. `planRecovery` and `findUnaccounted` are pure,
 * `recover` is shell. It must run before the first ADD is served, or a link that is left over
 * could answer for an address that is handed out anew. Pods that are whole are not touched.
 */
import type {Attachment} from '#ipam';
import {decodeLink, dumpLinks, type Link} from '#native-addon';
import type {CniContext} from './context.js';
import {attachmentKey, isHostInterface} from './names.js';

const LEAKS_MAX_MS = 5000;

export interface RecoveryPlan {
  /** Whole, and stays. */
  readonly keep: readonly Attachment[];
  /** `adding`, but its pod's end is up: that is an ADD's last batch. Only the mark is missing. */
  readonly confirm: readonly Attachment[];
  /** `adding`, cut short: nobody was told that it worked. */
  readonly undo: readonly Attachment[];
  /** `deleting`: somebody was told that it is done. */
  readonly finish: readonly Attachment[];
  /** `ready` without a link: the pod's namespace died. Its address waits for the runtime's DEL. */
  readonly broken: readonly Attachment[];
  /** Host links of ours that no attachment accounts for and whose pod's end is down: an ADD cut short. */
  readonly leaks: readonly string[];
  /** The same with the pod's end up: the journal was lost, the pod was not. They stay, for their DEL. */
  readonly strangers: readonly string[];
}

export function planRecovery(
  attachments: readonly Attachment[],
  links: readonly Link[],
): RecoveryPlan {
  const byName = new Map(links.map(link => [link.name, link]));
  const plan = {
    keep: [] as Attachment[],
    confirm: [] as Attachment[],
    undo: [] as Attachment[],
    finish: [] as Attachment[],
    broken: [] as Attachment[],
  };
  for (const attachment of attachments) plan[judge(attachment, byName)].push(attachment);
  return {...plan, ...findUnaccounted(attachments, links)};
}

function judge(
  {state, hostInterface}: Attachment,
  links: ReadonlyMap<string, Link>,
): 'keep' | 'confirm' | 'undo' | 'finish' | 'broken' {
  const link = links.get(hostInterface);
  switch (state) {
    case 'deleting':
      return 'finish';
    case 'adding':
      // Without a link of its own an attachment was whole the moment it was in the journal.
      if (hostInterface === '') return 'confirm';
      return link !== undefined && link.up && link.running ? 'confirm' : 'undo';
    case 'ready':
      return hostInterface === '' || link !== undefined ? 'keep' : 'broken';
  }
}

/** Only what carries one of our derived names and is a veth; never anything else. */
export function findUnaccounted(
  attachments: readonly Attachment[],
  links: readonly Link[],
): Pick<RecoveryPlan, 'leaks' | 'strangers'> {
  const accounted = new Set(attachments.map(({hostInterface}) => hostInterface));
  const unaccounted = links.filter(
    ({name, kind}) => kind === 'veth' && isHostInterface(name) && !accounted.has(name),
  );
  const isWired = ({up, running}: Link) => up && running;
  return {
    leaks: unaccounted.filter(link => !isWired(link)).map(({name}) => name),
    strangers: unaccounted.filter(isWired).map(({name}) => name),
  };
}

/** Carries the plan out. One failure never stops the rest; it is reported, and tried at the next start. */
export async function recover(context: CniContext): Promise<RecoveryPlan> {
  const {book, kernel, reaper, retirement, report} = context;
  const messages = await kernel.host.dump(dumpLinks({kind: 'veth'}));
  const plan = planRecovery(
    book.list(),
    messages.map(({payload}) => decodeLink(payload)),
  );
  const attempt = async (attachment: Attachment, work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      const key = attachmentKey(attachment.containerId, attachment.ifName);
      report({what: 'an attachment could not be recovered', key, error});
    }
  };
  await Promise.all([
    ...plan.confirm.map(attachment => attempt(attachment, () => book.markReady(attachment))),
    ...[...plan.undo, ...plan.finish].map(attachment =>
      attempt(attachment, () => retirement.retire(attachment)),
    ),
    orLater(context, Promise.all(plan.leaks.map(name => reaper.reap(name)))),
  ]);
  for (const name of plan.strangers) {
    report({what: `the journal does not know the pod behind ${name}`, key: name});
  }
  return plan;
}

/** Of pods that are still somebody's: to be called when what was deleted meanwhile is leaving. */
export function reportBroken({book, report}: CniContext, {broken}: RecoveryPlan): void {
  for (const {containerId, ifName} of broken) {
    if (book.get(containerId, ifName)?.state !== 'ready') continue;
    report({what: 'a pod has lost its interface', key: attachmentKey(containerId, ifName)});
  }
}

/** A link that will not go is retried and reported by the reaper; it must not keep the node down. */
function orLater({clock}: CniContext, work: Promise<unknown>): Promise<void> {
  return new Promise(resolve => {
    const forget = clock.after(LEAKS_MAX_MS, resolve);
    void work.then(() => {
      forget();
      resolve();
    });
  });
}
