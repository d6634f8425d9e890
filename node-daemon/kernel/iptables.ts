/**
 * iptables and ip6tables, read with `save` and written with `restore --noflush`. Shell.
 *
 * Hazards: `save -t TABLE` of the legacy backend creates the table it cannot find, so all tables are
 * asked for at once. `restore` without --noflush would empty the host's tables. The legacy backend
 * is guarded by /run/xtables.lock (hosts that share a mount namespace share it): `-w` waits for it,
 * bounded. nft replaces a table atomically by itself and ignores the flag.
 */
import type {Family} from '#ipam';
import {
  type Backend,
  type Holding,
  chooseBackend,
  hasOthers,
  holdingOf,
  isDeserted,
} from './iptables-backend.js';
import {countRefusals, parseSave} from './iptables-save.js';
import {ProgramError, type RunProgram, runProgram} from './process.js';

export interface Iptables {
  readonly backend: Backend;
  /** Everything `iptables-save` prints. @throws IptablesError */
  save(family: Family): Promise<string>;
  /** Adds to what is there; each table in `text` is changed as a whole or not at all. @throws IptablesError */
  restore(family: Family, text: string): Promise<void>;
}

export class IptablesError extends Error {
  override readonly name = 'IptablesError';
  /** BUSY: somebody else held the lock. REFUSED: the tool or the kernel said no. READBACK: it reads back otherwise. */
  readonly code: 'MISSING' | 'BUSY' | 'DEADLINE' | 'REFUSED' | 'READBACK';
  readonly retry = 'backoff';

  constructor(code: IptablesError['code'], message: string, cause?: unknown) {
    super(message, {cause});
    this.code = code;
  }
}

export interface OpenedIptables {
  readonly iptables: Iptables;
  /** The backend not chosen: an earlier run may have left chains of ours there. */
  readonly other: Iptables;
  readonly reason: string; // for the log
  readonly isConfigured: boolean; // then it stays, whatever others do
}

/**
 * shared: others are in the backend that was chosen; empty: nobody is in either; deserted: others are in
 * the other one alone.
 */
export type Company = 'shared' | 'empty' | 'deserted';

/** @throws IptablesError when neither backend can be used. */
export async function openIptables(
  setting: Backend | 'auto',
  run: RunProgram = runProgram,
): Promise<OpenedIptables> {
  const nft = createIptables('nft', run);
  const legacy = createIptables('legacy', run);
  const isConfigured = setting !== 'auto';
  const opened = (backend: Backend, reason: string): OpenedIptables =>
    backend === 'nft'
      ? {iptables: nft, other: legacy, reason, isConfigured}
      : {iptables: legacy, other: nft, reason, isConfigured};
  if (setting !== 'auto') return opened(setting, 'configured');

  const choice = chooseBackend(...(await Promise.all([lookInto(nft), lookInto(legacy)])));
  if (choice.kind === 'none') {
    throw new IptablesError('MISSING', `no iptables can be used: ${choice.reason}`);
  }
  return opened(choice.backend, choice.reason);
}

/** The backend that was not chosen is asked only when nobody else is in the other. */
export async function lookForOthers({iptables, other}: OpenedIptables): Promise<Company> {
  const current = await lookInto(iptables);
  if (current.kind === 'unusable' || hasOthers(current)) return 'shared';
  return isDeserted(current, await lookInto(other)) ? 'deserted' : 'empty';
}

export function createIptables(backend: Backend, run: RunProgram): Iptables {
  const program = (family: Family, verb: 'save' | 'restore') =>
    `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-${verb}`;
  return {
    backend,
    save: family => translate(run(program(family, 'save'), [])),
    async restore(family, stdin) {
      await translate(run(program(family, 'restore'), ['--noflush', '-w', '5'], {stdin}));
    },
  };
}

/** A host without IPv6 or without ip6tables is still one with iptables. */
async function lookInto(iptables: Iptables): Promise<Holding> {
  const [ipv4, ipv6] = await Promise.allSettled([iptables.save('ipv4'), iptables.save('ipv6')]);
  if (ipv4.status === 'rejected') {
    if (!(ipv4.reason instanceof IptablesError)) throw ipv4.reason;
    return {kind: 'unusable', reason: ipv4.reason.message};
  }
  const texts = ipv6.status === 'fulfilled' ? [ipv4.value, ipv6.value] : [ipv4.value];
  return holdingOf(
    texts.map(parseSave),
    texts.reduce((sum, text) => sum + countRefusals(text), 0),
  );
}

async function translate(running: Promise<string>): Promise<string> {
  try {
    return await running;
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    throw new IptablesError(codeOf(error), error.message, error);
  }
}

/** iptables(8): exit code 4 is a resource problem, which is the lock in all but name. */
function codeOf(error: ProgramError): IptablesError['code'] {
  if (error.code === 'MISSING' || error.code === 'DEADLINE') return error.code;
  return error.exitCode === 4 && error.stderr.includes('lock') ? 'BUSY' : 'REFUSED';
}
