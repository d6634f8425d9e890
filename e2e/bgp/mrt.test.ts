/*
 *   twill 65011 ──┐
 *                 ├── FRR 65001, which dumps its table and what it hears (RFC 6396)
 *   twill 65012 ──┘
 *
 * Claim: our reader finds in FRR's dumps just the paths that its peers told it, in both families, and the
 * UPDATEs with which they did. So what collectors of the Internet dump can be fed to the speaker.
 */
import {fileURLToPath} from 'node:url';

import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {createBgpLab} from './lab.js';
import {Frr} from './lab/frr.js';
import {programs} from './lab/pair.js';
import {learns, type RouterConfig, type RouterPeer} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

const program = fileURLToPath(new URL('../../node-daemon/bgp/mrt-print.js', import.meta.url));
const messagesFile = '/run/frr/messages.mrt';
const tableFile = '/run/frr/table.mrt';
const both = ['10.9.0.0/24', 'fd00:9::/64'] as const;
const more = ['10.8.0.0/16', 'fd00:8::/48', '0.0.0.0/0'] as const;

/** Of mrt-print. */
interface Line {
  readonly kind: 'path' | 'message';
  readonly asn: number;
  readonly prefix?: string;
  readonly asPath?: readonly number[];
  readonly isOurs?: boolean;
  readonly type?: number;
}

labTest(
  'the table and the messages that FRR dumps, read back',
  async t => {
    const lab = await createBgpLab(t);
    const middle = await lab.machine('frr');
    const sides = [await lab.machine('one'), await lab.machine('two')];
    for (const [n, machine] of sides.entries()) {
      const ends = (side: number) => [`192.0.${n + 2}.${side}/24`, `2001:db8:${n + 2}::${side}/64`];
      await lab.link({machine: middle, addresses: ends(1)}, {machine, addresses: ends(2)});
    }
    const frr = new Frr(middle, {
      ...config(2, 1, 65001),
      peers: [peer(2, 2, 65011), peer(3, 2, 65012)],
    });
    const announces = [both, [...both, ...more]];
    const speakers = sides.map((machine, n) => {
      const peers = [peer(n + 2, 1, 65001)];
      return new Speaker(machine, {
        ...config(n + 2, 2, 65011 + n),
        ...{announces: announces[n] ?? [], peers},
      });
    });
    await frr.start();
    await frr.ask('configure terminal', `dump bgp all ${messagesFile}`);
    await Promise.all(speakers.map(each => each.start()));
    for (const prefix of [...both, ...more]) await learns(frr, prefix);
    for (const prefix of both) {
      const family = prefix.includes(':') ? 'ipv6' : 'ipv4';
      const hasTwo = async () =>
        (await frr.routes(family)).filter(route => route.prefix === prefix).length === 2;
      await eventually(hasTwo, {withinMs: 10_000, everyMs: 50, what: `both ways to ${prefix}`});
    }
    await frr.ask('configure terminal', `dump bgp routes-mrt ${tableFile}`);

    const read = async (path: string) => {
      const {stdout} = await middle.run([process.execPath, program, path]);
      const lines = stdout.split('\n').filter(Boolean);
      return lines.map(line => JSON.parse(line) as Line);
    };
    const table = await eventually(
      async () => {
        const paths = (await read(tableFile)).filter(({kind}) => kind === 'path');
        return paths.length >= 7 && paths;
      },
      {withinMs: 20_000, everyMs: 100, what: 'a table of seven paths'},
    );
    const pathsOf = (asn: number) =>
      table.flatMap(path => (path.asn === asn ? [`${path.prefix} by ${path.asPath?.join()}`] : []));
    const expected = (prefixes: readonly string[], asn: number) =>
      prefixes.map(prefix => `${prefix} by ${asn}`).sort();
    t.deepEqual(pathsOf(65011).sort(), expected(both, 65011));
    t.deepEqual(pathsOf(65012).sort(), expected([...both, ...more], 65012));

    const messages = await read(messagesFile);
    const heard = messages.filter(({kind, isOurs}) => kind === 'message' && isOurs !== true);
    t.deepEqual([...new Set(heard.map(({asn}) => asn))].sort(), [65011, 65012]);
    const types = new Set(heard.map(({type}) => type));
    for (const type of [1, 2, 4]) t.true(types.has(type), `messages of type ${type}`);
  },
  {programs: programs.frr},
);

function config(n: number, side: 1 | 2, asn: number): RouterConfig {
  return {
    ...{asn, identifier: `192.0.${n}.${side}`, peers: []},
    nextHops: {ipv4: `192.0.${n}.${side}`, ipv6: `2001:db8:${n}::${side}`},
  };
}

function peer(n: number, side: 1 | 2, asn: number): RouterPeer {
  const other = side === 1 ? 2 : 1;
  return {address: `192.0.${n}.${side}`, localAddress: `192.0.${n}.${other}`, asn};
}
