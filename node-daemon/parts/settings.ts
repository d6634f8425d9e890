/** iptables chains and sysctls that pods need, kept as the state says. Shell. */
import {systemClock} from '../datastore/clock.js';
import {concernsNetwork} from '../datastore/store-event.js';
import {toHostWish} from '../desired/host-wish.js';
import {openIptables, type OpenedIptables} from '../kernel/iptables.js';
import {openSysctls} from '../kernel/sysctl.js';
import type {NodeLease} from '../lease/node-lease.js';
import {HostSettings} from '../reconcile/host-settings.js';
import {SettingsLedger, type SettingsHealth} from '../reconcile/settings-ledger.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export interface SettingsPart extends Part {
  readonly settings: HostSettings;
  /** Undefined before the first pass. */
  health(): SettingsHealth | undefined;
}

export function createSettings(context: Context, lease: NodeLease): SettingsPart {
  const {config, core, log, news, report} = context;
  const ledger = new SettingsLedger();
  const settings = new HostSettings({
    openIptables: () => chooseIptables(context),
    onMove: opened => logChoice(context, opened),
    sysctls: openSysctls(),
    wish: () => toHostWish(core.state(), lease.view().ranges),
    clock: systemClock,
    resyncMs: 2 * config.resyncIntervalMs, // iptables-save of a large host costs half a second
    onPass(pass) {
      ledger.note(pass);
      report.settings(pass);
      news.settings.emit(pass);
    },
    onBug: error => log.error({err: error}, 'bug in host settings; they are tried again'),
  });
  news.records.on(events => {
    if (core.state().synced && events.some(concernsNetwork)) void settings.run();
  });
  news.state.on(event => {
    const hasUnderlay = event.kind === 'underlay' && event.underlay !== undefined;
    if (hasUnderlay || event.kind === 'ranges') void settings.run();
  });
  return {settings, health: () => ledger.health(), stop: () => settings.stop()};
}

async function chooseIptables(context: Context): Promise<OpenedIptables> {
  const opened = await openIptables(context.config.iptables);
  logChoice(context, opened);
  return opened;
}

function logChoice({log}: Context, {iptables, reason}: OpenedIptables): void {
  log.info({backend: iptables.backend, reason}, 'iptables chosen');
}
