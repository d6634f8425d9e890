/*
 *    host a
 *   +------------------------------------------------+
 *   | libcni (Go) -> twill, portmap -> twilld         |
 *   | pod p1: an address, a route, a neighbour, ...   |
 *   +------------------------------------------------+
 *
 * Claim: the reference library is served, and CHECK names what somebody broke.
 */
import {fromRoot} from './lab/programs.js';
import {run} from './lab/process.js';
import {createCluster, podsAreGone} from './cluster.js';
import {labTest} from './privileged.js';

const sources = '/usr/share/gocode';
const driver = fromRoot('dist/e2e/libcni-driver');
const conflist = '/etc/cni/net.d/10-lab.conflist';

interface Break {
  readonly item: RegExp; // what CHECK must say
  readonly how: readonly string[]; // commands in the pod
  readonly repair: readonly string[];
}

labTest(
  'libcni does ADD, CHECK, DEL and DEL, and CHECK names what is missing',
  async t => {
    const env = {GOPATH: sources, GO111MODULE: 'off', GOCACHE: fromRoot('dist/e2e/.go-cache')};
    await run(['go', 'build', '-o', driver, fromRoot('e2e/libcni/main.go')], {
      env,
      timeoutMs: 120_000,
    });
    const lab = await createCluster(t, {hosts: ['a']});
    const a = lab.host('a');
    const pod = await a.pod('p1');
    const libcni = (verb: string) =>
      a.run([driver, verb, conflist, pod.containerId, pod.netns, pod.ifName, 'IgnoreUnknown=1'], {
        env: {CNI_PATH: '/opt/cni/bin'},
        mayFail: true,
      });

    const added = await libcni('ADD');
    t.is(added.code, 0, added.stderr);
    const {ips} = JSON.parse(added.stdout) as {ips: {address: string}[]};
    const ipv4 = ips.map(({address}) => address).find(address => !address.includes(':')) ?? '';
    t.regex(ipv4, /^10\.244\.\d+\.\d+\/32$/);
    const sound = await libcni('CHECK');
    t.is(sound.code, 0, sound.stderr);

    const [neighbour] = JSON.parse(await pod.ip('-j -4 neigh show 169.254.1.1')) as {
      lladdr: string;
    }[];
    const gateway = `neigh replace 169.254.1.1 lladdr ${neighbour?.lladdr} dev eth0 nud permanent`;
    const address = ipv4.replace('/32', '');
    const ipv6 = ips.map(({address}) => address).find(each => each.includes(':')) ?? '';
    const [{gateway: gateway6} = {gateway: ''}] = JSON.parse(
      await pod.ip('-j -6 route show default'),
    ) as {gateway: string}[];
    const [neighbour6] = JSON.parse(await pod.ip(`-j -6 neigh show ${gateway6}`)) as {
      lladdr: string;
    }[];
    const [{address: mac} = {address: ''}] = JSON.parse(await pod.ip('-j link show eth0')) as {
      address: string;
    }[];
    const breaks: readonly Break[] = [
      {
        item: /neighbour.*169\.254\.1\.1/i,
        how: ['neigh del 169.254.1.1 dev eth0'],
        repair: [gateway],
      },
      {
        item: /route.*(default|0\.0\.0\.0\/0)/i,
        how: ['-4 route del default'],
        repair: ['-4 route add default via 169.254.1.1 dev eth0'],
      },
      {
        item: new RegExp(`neighbour.*${gateway6}`, 'i'),
        how: [`-6 neigh del ${gateway6} dev eth0`],
        repair: [
          `-6 neigh replace ${gateway6} lladdr ${neighbour6?.lladdr} dev eth0 nud permanent`,
        ],
      },
      {
        item: /route.*(default|::\/0)/i,
        how: ['-6 route del default'],
        repair: [`-6 route add default via ${gateway6} dev eth0`],
      },
      {
        item: new RegExp(`address.*${ipv6.replace('/128', '')}`, 'i'),
        how: [`-6 address del ${ipv6} dev eth0`],
        repair: [`-6 address add ${ipv6} dev eth0 nodad`],
      },
      {
        item: new RegExp(`02:00:00:00:00:99.*${mac}|${mac}.*02:00:00:00:00:99`, 'i'),
        how: ['link set eth0 address 02:00:00:00:00:99'],
        repair: [
          `link set eth0 address ${mac}`, // with it the neighbours went
          gateway,
          `-6 neigh replace ${gateway6} lladdr ${neighbour6?.lladdr} dev eth0 nud permanent`,
        ],
      },
      {
        item: /down|not up/i,
        how: ['link set eth0 down'],
        repair: [],
      },
      {
        item: new RegExp(`address.*${address.replaceAll('.', '\\.')}`, 'i'),
        how: [`address del ${ipv4} dev eth0`],
        repair: [],
      },
    ];
    for (const {item, how, repair} of breaks) {
      for (const command of how) await pod.ip(command);
      const {code, stderr} = await libcni('CHECK');
      t.not(code, 0);
      t.regex(stderr, item);
      for (const command of repair) await pod.ip(command);
      if (repair.length > 0) t.is((await libcni('CHECK')).code, 0, 'whole again');
    }

    t.is((await libcni('DEL')).code, 0);
    await t.notThrowsAsync(podsAreGone(a));
    t.is((await libcni('DEL')).code, 0, 'again');
  },
  {programs: ['go', `${sources}/src/github.com/containernetworking/cni/libcni`]},
);
