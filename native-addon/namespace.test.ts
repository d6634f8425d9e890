import {closeSync, openSync} from 'node:fs';

import test from 'ava';

import {boottimeMs} from './clock.js';
import {namespaceOf, readSysctl, writeSysctl} from './namespace.js';
import {createNamespace, privileged} from './test-lab.js';

privileged('a sysctl is read and written where the namespace has it', async t => {
  const [a, b] = await Promise.all([createNamespace(t), createNamespace(t)]);
  const own = await readSysctl({path: '/proc/self/ns/net'}, 'net.ipv4.conf.lo.forwarding');
  await writeSysctl(a, 'net/ipv4/conf/lo/forwarding', '1');
  await writeSysctl(b, 'net.ipv4.conf.lo.forwarding', '0');
  t.is(await readSysctl(a, 'net.ipv4.conf.lo.forwarding'), '1');
  t.is(await readSysctl(b, 'net.ipv4.conf.lo.forwarding'), '0');
  t.is(await readSysctl({path: '/proc/self/ns/net'}, 'net.ipv4.conf.lo.forwarding'), own);
});

privileged('a sysctl that cannot be had says why', async t => {
  const a = await createNamespace(t);
  await t.throwsAsync(readSysctl(a, 'net.ipv4.conf.no0.forwarding'), {code: 'ENOENT'});
  await t.throwsAsync(writeSysctl(a, 'net.ipv4.conf.lo.forwarding', 'yes'), {code: 'EINVAL'});
  await t.throwsAsync(readSysctl({path: '/nowhere'}, 'net.ipv4.ip_forward'), {code: 'ENOENT'});
});

privileged('handles of one namespace agree, of two they do not', async t => {
  const [a, b] = await Promise.all([createNamespace(t), createNamespace(t)]);
  const fd = openSync(a.path, 'r');
  t.teardown(() => closeSync(fd));
  t.deepEqual(namespaceOf(a), namespaceOf({fd}));
  t.notDeepEqual(namespaceOf(a), namespaceOf(b));
});

test('the boot clock runs forward', t => {
  const first = boottimeMs();
  t.true(first > 0);
  t.true(boottimeMs() >= first);
});
