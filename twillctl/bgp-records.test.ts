import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {startEtcd} from '../ipam/etcd/etcd-server.js';
import {run} from './run.js';

/** Commands as they are typed, on a real etcd. */
async function createDesk(t: ExecutionContext) {
  const server = await startEtcd();
  t.teardown(() => server.stop());
  return async (line: string, stdin = '') => {
    let [out, err] = ['', ''];
    const code = await run(line.split(' '), {
      env: {TWILLCTL_ETCD: server.url},
      out: text => void (out += text),
      err: text => void (err += text),
      readStdin: () => Promise.resolve(stdin),
      now: () => Date.parse('2026-01-01T01:00:00Z'),
    });
    return {code, out, err};
  };
}

async function examples(): Promise<readonly string[]> {
  const text = await readFile(join(import.meta.dirname, '../../docs/bgp.md'), 'utf8');
  return [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = '']) => block);
}

test('every example of docs/bgp.md can be applied, read and applied again unchanged', async t => {
  const type = await createDesk(t);
  const blocks = await examples();
  t.true(blocks.length >= 7, `${blocks.length} examples`);
  for (const block of blocks) {
    const {code, err} = await type('apply -f -', block);
    t.deepEqual([code, err], [0, ''], block);
    t.notRegex((await type('apply -f -', block)).out, /created|configured/, block);
  }
  for (const kind of ['bgppeers', 'bgpconfig']) {
    const {out} = await type(`get ${kind} -o yaml`);
    t.notRegex((await type('apply -f -', out)).out, /created|configured/);
  }
});

test('BGP records are listed, and deleted by name', async t => {
  const type = await createDesk(t);
  const peers = `
{apiVersion: twill.io/v1, kind: BGPPeer, metadata: {name: a}, spec: {address: 192.0.2.1, asn: 65001}}
---
{apiVersion: twill.io/v1, kind: BGPPeer, metadata: {name: b}, spec: {address: 192.0.2.0/24, asn: external}}
---
{apiVersion: twill.io/v1, kind: BGPPeer, metadata: {name: c}, spec: {interface: eth1, asn: internal}}
---
{apiVersion: twill.io/v1, kind: BGPConfig, metadata: {name: default}, spec: {asn: 64512}}
`;
  await type('apply -f -', peers);
  t.is(
    (await type('get bgppeers')).out,
    `\
NAME   ADDRESS        ASN        PORT   AGE
a      192.0.2.1      65001      179    0s
b      192.0.2.0/24   external   179    0s
c      %eth1          internal   179    0s
`,
  );
  t.is(
    (await type('get bgpconfigs')).out,
    'NAME      ASN     NODE-MESH    LISTEN-PORT   AGE\ndefault   64512   by-backend   179           0s\n',
  );
  for (const nodeMesh of [true, false]) {
    const config = `{apiVersion: twill.io/v1, kind: BGPConfig, metadata: {name: default}, spec: {nodeMesh: ${nodeMesh}}}`;
    await type('apply -f -', config);
    const row = (await type('get bgpconfigs')).out.split('\n')[1];
    t.deepEqual(row?.split(/ +/), ['default', '<none>', String(nodeMesh), '179', '0s']);
  }
  t.is((await type('delete bgppeer a b')).out, 'bgppeer "a" deleted\nbgppeer "b" deleted\n');
  t.is((await type('get peers -o name')).out, 'bgppeer/c\n');
  t.is((await type('delete bgpconfig default')).code, 0);
});
