import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {openEtcd} from '#ipam';
import {startEtcd} from '../ipam/etcd/etcd-server.js';
import {createHttpServer} from '../node-daemon/http/server.js';
import type {NodeStatus} from '../node-daemon/http/status.js';
import {run} from './run.js';

/** The commands as they are typed, on a real etcd, in this process. */
async function createDesk(t: ExecutionContext) {
  const server = await startEtcd();
  t.teardown(() => server.stop());
  const etcd = openEtcd({endpoints: [server.url]});
  t.teardown(() => etcd.close());
  const folder = await mkdtemp(join(tmpdir(), 'twillctl-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));

  const type = async (args: readonly string[], stdin = '') => {
    let [out, err] = ['', ''];
    const code = await run(args, {
      env: {TWILLCTL_ETCD: server.url, TWILLCTL_NODE_API: 'http://127.0.0.1:1'},
      out: text => void (out += text),
      err: text => void (err += text),
      readStdin: () => Promise.resolve(stdin),
      now: () => Date.parse('2026-01-01T01:00:00Z'),
    });
    return {code, out, err};
  };
  const apply = (text: string, ...args: readonly string[]) =>
    type(['apply', '-f', '-', ...args], text);
  return {etcd, folder, type, apply};
}

const pools = `
apiVersion: twill.io/v1
kind: Pool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16}
---
apiVersion: twill.io/v1
kind: Pool
metadata: {name: pods6}
spec: {cidr: 'fd00::/64', natOutgoing: false}
`;

test('what is applied can be read, changed, and deleted', async t => {
  const {etcd, type, apply} = await createDesk(t);
  t.deepEqual(await apply(pools), {
    code: 0,
    out: 'pool/pods created\npool/pods6 created\n',
    err: '',
  });
  t.deepEqual(await type(['get', 'pools']), {
    code: 0,
    out: [
      'NAME    CIDR            BLOCK-SIZE   NAT     DISABLED   AGE',
      'pods    10.244.0.0/16   /26          true    false      0s',
      'pods6   fd00::/64       /122         false   false      0s',
      '',
    ].join('\n'),
    err: '',
  });
  const before = await etcd.get('/twill/v1/resources/pool/pods');
  t.is((await apply(pools)).out, 'pool/pods unchanged\npool/pods6 unchanged\n');
  t.is((await etcd.get('/twill/v1/resources/pool/pods'))?.modRevision, before?.modRevision);

  const changed = pools.replace('natOutgoing: false', 'disabled: true');
  t.is(
    (await apply(changed, '--dry-run')).out,
    'pool/pods unchanged (dry run)\npool/pods6 configured (dry run)\n',
  );
  t.is((await apply(changed)).out, 'pool/pods unchanged\npool/pods6 configured\n');
  t.is((await type(['get', 'pool/pods6', '-o', 'name'])).out, 'pool/pods6\n');
  t.like(JSON.parse((await type(['get', 'pl', 'pods6', '-o', 'json'])).out), {
    kind: 'Pool',
    metadata: {name: 'pods6', creationTimestamp: '2026-01-01T01:00:00.000Z'},
    spec: {cidr: 'fd00::/64', disabled: true},
  });

  t.deepEqual(await type(['delete', 'pool', 'pods', 'nothing']), {
    code: 1,
    out: 'pool "pods" deleted\n',
    err: 'Error: pool "nothing" not found\n',
  });
  t.is(
    (await type(['delete', '-f', '-', '--ignore-not-found'], changed)).out,
    'pool "pods6" deleted\n',
  );
  t.deepEqual(await type(['get', 'pools']), {code: 0, out: '', err: 'No resources found.\n'});
});

test('what get prints as YAML or JSON can be applied again, unchanged', async t => {
  const {type, apply} = await createDesk(t);
  await apply(pools);
  for (const format of ['yaml', 'json']) {
    const {out} = await type(['get', 'pools', '-o', format]);
    t.is((await apply(out)).out, 'pool/pods unchanged\npool/pods6 unchanged\n', format);
  }
  const {out} = await type(['get', 'pools', 'none', '-o', 'json']);
  t.is(out, '');
});

test('one bad document keeps every document from being written, and is told by file and line', async t => {
  const {etcd, folder, type} = await createDesk(t);
  await writeFile(join(folder, 'a.yaml'), pools);
  await writeFile(
    join(folder, 'b.json'),
    '{"apiVersion": "twill.io/v1", "kind": "Pool",\n "metadata": {"name": "c"},\n "spec": {"cdir": "10.0.0.0/8"}}',
  );
  await writeFile(join(folder, 'notes.txt'), 'not read');
  const {code, err} = await type(['apply', '-f', folder]);
  t.is(code, 1);
  t.deepEqual(err.split('\n'), [
    `Error: ${folder}/b.json:3: Pool c: spec.cidr: expected a prefix such as 10.244.0.0/16 or fd00::/64, without host bits, got nothing`,
    `Error: ${folder}/b.json:3: Pool c: spec.cdir: unknown field, did you mean cidr?`,
    '',
  ]);
  t.is((await etcd.list('')).entries.length, 0);
});

test('pools may not overlap, neither with each other nor with what is there', async t => {
  const {apply} = await createDesk(t);
  const inner = pools.replaceAll('pods', 'inner').replace('10.244.0.0/16', '10.244.9.0/24');
  t.like(await apply(`${pools}---${inner}`), {
    code: 1,
    out: '',
    err: [
      'Error: stdin:15: Pool inner: spec.cidr: expected a prefix apart from 10.244.0.0/16 of Pool pods, got 10.244.9.0/24',
      'Error: stdin:20: Pool inner6: spec.cidr: expected a prefix apart from fd00::/64 of Pool pods6, got fd00::/64',
      '',
    ].join('\n'),
  });
  await apply(pools);
  t.like(await apply(inner), {code: 1, out: ''});
  t.like(await apply(pools.replace('10.244.0.0/16', '10.244.0.0/15')), {code: 0});
});

test('network policies live in namespaces', async t => {
  const {type, apply} = await createDesk(t);
  const policy = (metadata: string) =>
    `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: ${metadata}, spec: {podSelector: {matchLabels: {app: web}}}}`;
  await apply(policy('{name: a}'));
  await apply(policy('{name: a}'), '-n', 'prod');
  t.like(await apply(policy('{name: a, namespace: x}'), '-n', 'prod'), {code: 1, out: ''});
  t.is(
    (await type(['get', 'netpol'])).out,
    'NAME   POD-SELECTOR   AGE\na      app=web        0s\n',
  );
  t.is(
    (await type(['get', 'netpol', '-A'])).out,
    'NAMESPACE   NAME   POD-SELECTOR   AGE\ndefault     a      app=web        0s\nprod        a      app=web        0s\n',
  );
  t.is(
    (await type(['get', 'netpol', '-n', 'none'])).err,
    'No resources found in none namespace.\n',
  );
  t.is((await type(['delete', 'netpol', 'a', '-n', 'prod'])).out, 'networkpolicy "a" deleted\n');
  t.is((await type(['get', 'netpol', '-A', '-o', 'name'])).out, 'networkpolicy/a\n');
});

test('nodes, leases and endpoints show as daemons write them; a broken one hides no other', async t => {
  const {etcd, type, apply} = await createDesk(t);
  await apply(pools);
  const put = (key: string, value: object) => etcd.put(`/twill/v1/${key}`, JSON.stringify(value));
  for (const name of ['node-10', 'node-9']) {
    await put(`nodes/${name}`, {
      apiVersion: 'twill.io/v1',
      kind: 'Node',
      metadata: {name, uid: `uid-${name}`, creationTimestamp: '2026-01-01T00:00:00Z'},
      spec: {address: '192.0.2.9', ranges: ['10.244.3.0/26']},
    });
  }
  await etcd.put('/twill/v1/nodes/broken', '{"kind":');
  await put('leases/10.244.3.0-26', {
    kind: 'Lease',
    metadata: {name: '10.244.3.0-26'},
    spec: {
      cidr: '10.244.3.0/26',
      pool: 'pods',
      node: 'node-9',
      nodeUid: 'u',
      claimedAt: '2026-01-01T00:59:00Z',
    },
  });
  await put('endpoints/node-9/0123456789abcdef-eth0', {
    apiVersion: 'twill.io/v1',
    kind: 'Endpoint',
    metadata: {
      name: '0123456789abcdef-eth0',
      labels: {app: 'web'},
      creationTimestamp: '2026-01-01T00:59:30Z',
    },
    spec: {
      ...{node: 'node-9', containerId: '0123456789abcdef', ifName: 'eth0', network: 'twill'},
      ...{addresses: ['10.244.3.1', 'fd00::1'], hostInterface: 'twl0', mac: '02:00:00:00:00:01'},
      pod: {namespace: 'default', name: 'web-1'},
    },
  });

  const nodes = await type(['get', 'nodes']);
  t.is(
    nodes.out,
    [
      'NAME      ADDRESS     RANGES          AGE',
      'node-9    192.0.2.9   10.244.3.0/26   60m',
      'node-10   192.0.2.9   10.244.3.0/26   60m',
      '',
    ].join('\n'),
  );
  t.regex(nodes.err, /^Warning: \/twill\/v1\/nodes\/broken in etcd: expected JSON/);
  t.is(
    (await type(['get', 'leases'])).out,
    [
      'NAME            CIDR            POOL   NODE     AGE',
      '10.244.3.0-26   10.244.3.0/26   pods   node-9   60s',
      '',
    ].join('\n'),
  );
  t.is(
    (await type(['get', 'endpoints', 'web-1'])).out,
    [
      'NAMESPACE   POD     CONTAINER       INTERFACE   ADDRESSES            NODE     AGE',
      'default     web-1   0123456789abc   eth0        10.244.3.1,fd00::1   node-9   30s',
      '',
    ].join('\n'),
  );
  t.is(
    (await type(['ipam', 'show'])).out,
    [
      'POOL    CIDR            BLOCK-SIZE   BLOCKS   LEASED   NODES   USED   STATE',
      'pods    10.244.0.0/16   /26          1024     1        1       1      enabled',
      'pods6   fd00::/64       /122         2^58     0        0       0      enabled',
      '',
      'BLOCK           POOL   NODE     USED   SIZE   AGE',
      '10.244.3.0/26   pods   node-9   1      64     60s',
      '',
    ].join('\n'),
  );
  t.like(JSON.parse((await type(['ipam', 'show', '-o', 'json'])).out), {pools: {0: {used: 1}}});
  t.like(await type(['delete', 'node', 'node-9']), {
    code: 1,
    err: 'Error: nodes are read only: the daemons write and delete them\n',
  });
});

let status: NodeStatus = {
  node: 'a',
  uid: 'u',
  version: '0.1.0',
  ready: true,
  since: '2026-01-01T00:00:00Z',
  backend: 'vxlan',
  mtu: 1450,
  underlay: {address: '192.0.2.1'},
  device: {name: 'twill.4096', mac: '02:00:00:00:00:01', address: '10.244.3.0'},
  lease: {
    id: '7',
    state: 'unsafe',
    ranges: [{cidr: '10.244.3.0/26', pool: 'pods', size: 64, used: 3, reserved: 1}],
    safeUntil: '2026-01-01T00:30:00Z',
    reason: 'etcd is unreachable',
  },
  etcd: {connected: false, revision: 12, resyncs: 2, lastError: 'connection refused'},
  peers: [
    {name: 'b', address: '192.0.2.2', ranges: ['10.244.4.0/26'], problems: []},
    {name: 'c', ranges: [], problems: ['no address']},
  ],
  attachments: 3,
  reconcile: {
    tables: [
      {
        name: 'routes',
        desired: 4,
        failing: 1,
        operations: 9,
        lastRun: '2026-01-01T00:59:55Z',
        lastRunMs: 1.25,
      },
    ],
    lastErrors: [
      {table: 'routes', key: '10.0.0.0/26', message: 'EINVAL', at: '2026-01-01T00:59:55Z'},
    ],
  },
  problems: [{key: 'nodes/c', message: 'spec: expected address or address6'}],
};

test('node status says all that the daemon says', async t => {
  const {type} = await createDesk(t);
  const server = await createHttpServer({
    listen: {host: '127.0.0.1', port: 0},
    routes: {
      status: () => status,
      healthy: () => ({ok: true, reasons: []}),
      ready: () => ({ok: true, reasons: []}),
      metrics: () => Promise.resolve(''),
    },
    onError: () => undefined,
  });
  t.teardown(() => server.close());
  const {out, code} = await type(['node', 'status', '--node-api', server.url]);
  t.is(code, 0);
  t.is(
    out,
    `Node:      a (u)
Daemon:    0.1.0, up 60m, ready
Backend:   vxlan, MTU 1450
Underlay:  192.0.2.1
Device:    twill.4096, 02:00:00:00:00:01, 10.244.3.0
Lease:     unsafe, id 7, safe until 2026-01-01T00:30:00Z: etcd is unreachable
Etcd:      not connected, revision 12, read 2 times: connection refused
Peers:     2, 1 with problems
Pods:      3

RANGE           POOL   USED   FREE
10.244.3.0/26   pods   3      60

PEER   ADDRESS     RANGES          STATE
b      192.0.2.2   10.244.4.0/26   ok
c      <none>      <none>          no address

TABLE    DESIRED   FAILING   CHANGES   LAST-OK   TOOK
routes   4         1         9         5s        1.3ms

FAILS-FOR   TABLE    KEY           MESSAGE
5s          routes   10.0.0.0/26   EINVAL

PROBLEM   MESSAGE
nodes/c   spec: expected address or address6
`,
  );
  t.deepEqual(
    JSON.parse((await type(['node', 'status', '-o', 'json', '--node-api', server.url])).out),
    status,
  );

  status = {
    ...status,
    bgp: {
      ...{asn: 64512, identifier: '192.0.2.1', sessions: 2, established: 1, restarting: true},
      ...{routes: 12, staleRoutes: 3, refused: 0},
      down: [{name: 'tor', address: '192.0.2.9', state: 'Active', reason: 'no TCP answer'}],
    },
  };
  const {out: speaking} = await type(['node', 'status', '--node-api', server.url]);
  const facts =
    'AS 64512, identifier 192.0.2.1, 1 of 2 sessions established, 12 learnt routes, ' +
    '3 of them stale, restarting';
  t.true(speaking.includes(`BGP:       ${facts}\n`), speaking);
  t.regex(
    speaking,
    /^SESSION +ADDRESS +STATE +REASON\ntor +192\.0\.2\.9 +Active +no TCP answer\n/m,
  );

  const version = await type(['version', '--node-api', server.url]);
  t.regex(version.out, /^Client: \S+\nDaemon: 0\.1\.0 \(node a\)\nEtcd: {3}3\.\d+\.\d+\n$/);
  const alone = await type(['version']);
  t.is(alone.code, 0);
  t.regex(alone.out, /^Daemon: cannot ask twilld at http:\/\/127\.0\.0\.1:1: connection refused/m);
  t.like(await type(['node', 'status']), {code: 1, out: ''});
});
