import test from 'ava';
import type {HostPass} from './host-settings.js';
import {SettingsLedger} from './settings-ledger.js';

function pass(endedAtMs: number, failed: Readonly<Record<string, string>> = {}): HostPass {
  const errors = Object.entries(failed).map(([key, text]) => [key, new Error(text)] as const);
  return {
    ...{desired: 4, chainsWritten: 2, endedAtMs, durationMs: 7},
    sysctlsWritten: [{key: 'net.ipv4.ip_forward', from: '0', to: '1'}],
    failed: new Map(errors),
  };
}

test('before the first pass there is nothing to say', t => {
  t.is(new SettingsLedger().health(), undefined);
});

test('what fails keeps the time it began, with its latest words, until it is well', t => {
  const ledger = new SettingsLedger();
  ledger.note(pass(1000));
  ledger.note(pass(2000, {'ipv4 nat': 'busy'}));
  ledger.note(pass(3000, {'ipv4 nat': 'refused', 'net.ipv4.ip_forward': 'read-only'}));
  const {failed, lastOkAtMs, operations} = ledger.health()!;
  t.deepEqual(
    [...failed],
    [
      ['ipv4 nat', {message: 'refused', sinceMs: 2000}],
      ['net.ipv4.ip_forward', {message: 'read-only', sinceMs: 3000}],
    ],
  );
  t.is(lastOkAtMs, 1000);
  t.is(operations, 9);

  ledger.note(pass(4000));
  ledger.note(pass(5000, {'ipv4 nat': 'busy'}));
  t.is(ledger.health()?.failed.get('ipv4 nat')?.sinceMs, 5000, 'another time');
  t.is(ledger.health()?.lastOkAtMs, 4000);
});
