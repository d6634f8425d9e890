/**
 * Brings our iptables chains to what is desired: look, plan, write, look again. Shell.
 *
 * Families and tables fail alone: a host without ip6tables still translates IPv4. What was written is
 * read back, because a tool that prints a rule otherwise than it was written would have us write it
 * again on every pass, for ever and in silence; that is an error and says which chains.
 */
import type {Family} from '#ipam';
import type {Chain} from '../desired/nat.js';
import {type Iptables, IptablesError} from '../kernel/iptables.js';
import {parseSave} from '../kernel/iptables-save.js';
import {type TablePlan, planChains} from './nat-plan.js';

export interface NatReport {
  readonly applied: number; // tables written
  readonly failed: ReadonlyMap<NatKey, IptablesError>;
}

export type NatKey = `${Family} ${Chain['table']}`;

/** `desired` is of both families; none at all removes everything of ours. Rejects for bugs only. */
export async function reconcileNat(
  iptables: Iptables,
  desired: readonly Chain[],
): Promise<NatReport> {
  const families = ['ipv4', 'ipv6'] as const;
  const passes = families.map(family => {
    const chains = desired.filter(chain => chain.family === family);
    return reconcileFamily(iptables, family, chains);
  });
  const reports = await Promise.all(passes);
  return {
    applied: reports.reduce((sum, report) => sum + report.applied, 0),
    failed: new Map(reports.flatMap(report => [...report.failed])),
  };
}

async function reconcileFamily(
  iptables: Iptables,
  family: Family,
  chains: readonly Chain[],
): Promise<NatReport> {
  const failed = new Map<NatKey, IptablesError>();
  const plan = async () => planChains(chains, parseSave(await iptables.save(family)));
  let written: readonly TablePlan[] = [];
  try {
    const plans = await plan();
    for (const {table, text} of plans) {
      const error = await errorOf(() => iptables.restore(family, text));
      if (error !== undefined) failed.set(`${family} ${table}`, error);
    }
    written = plans.filter(({table}) => !failed.has(`${family} ${table}`));
    if (written.length > 0) noteUnsettled(failed, family, written, await plan());
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    // Without the program there is no chain of ours to remove either.
    if (chains.length === 0 && error.code === 'MISSING') return {applied: 0, failed};
    for (const table of ['nat', 'filter'] as const) failed.set(`${family} ${table}`, error);
  }
  return {applied: written.length, failed};
}

function noteUnsettled(
  failed: Map<NatKey, IptablesError>,
  family: Family,
  written: readonly TablePlan[],
  left: readonly TablePlan[],
): void {
  for (const {table, chains} of left) {
    if (!written.some(plan => plan.table === table)) continue;
    const what = `${family} ${table}: ${chains.join(', ')}`;
    const error = new IptablesError('READBACK', `${what} read back otherwise than written`);
    failed.set(`${family} ${table}`, error);
  }
}

async function errorOf(write: () => Promise<void>): Promise<IptablesError | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    if (error instanceof IptablesError) return error;
    throw error;
  }
}
