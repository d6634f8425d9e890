/** `make lab`: says how to look around in what stands, and lets it stand until Ctrl-C. Shell. */
import {appendFileSync} from 'node:fs';
import {dirname} from 'node:path';

import {configFile} from '../lab/daemon.js';
import type {Host} from '../lab/host.js';
import {fromRoot, programs} from '../lab/programs.js';
import type {Namespace} from '../lab/namespace.js';
import type {Lab} from '../lab.js';
import type {Tor} from '../tor-fabric.js';
import {bold, say} from './print.js';

const logFile = '/var/log/twilld.log'; // each host has its own /var

/** `tors`: the switches, where the hosts have BGP with some. */
export async function stay(lab: Lab, tors: readonly Tor[] = []): Promise<never> {
  console.log(bold('\nThe lab stays until Ctrl-C. Look around from another terminal, as root:\n'));
  for (const host of lab.hosts) {
    const enter = enterOf(host.namespace);
    say(`host ${host.name}    ${enter}`);
    for (const pod of host.pods) {
      const name = pod.name.padEnd(8);
      say(`pod ${name} ${enter} ip netns exec ${pod.name} sh`);
    }
  }
  for (const {name, machine} of tors) say(`switch ${name}  ${enterOf(machine.namespace)} vtysh`);
  say();
  say('On a host /etc/twill, /etc/cni/net.d, /opt/cni/bin, /var and /run are its own. There:');
  const ctl = `${programs.ctl} --etcd ${lab.etcd.endpoints.join()}`;
  sayNode();
  say(`status       ${ctl} node status`);
  for (const host of lab.hosts) keepLog(host);
  sayDaemon();
  say();
  if (tors.length === 0) sayBackend();
  else sayFabric(ctl);
  return await new Promise<never>(() => setInterval(() => undefined, 1 << 30));
}

function enterOf({pid}: Namespace): string {
  return `nsenter -t ${pid} -m -n -p -u --wd=/`;
}

/** A machine's own Node may be too old for our programs, and that of a terminal is the machine's. */
function sayNode(): void {
  const dir = dirname(process.execPath);
  if (dir === fromRoot('build/node/bin')) say(`Node         export PATH=${dir}:$PATH`);
}

/** What is started by hand writes there as well. */
function keepLog({daemons, namespace}: Host): void {
  const path = namespace.path(logFile);
  for (const {process} of daemons) process.follow(line => appendFileSync(path, `${line}\n`));
}

function sayDaemon(): void {
  say(`log          tail -F ${logFile}`);
  say('kill         pkill -9 -f bin/twilld');
  say(`start again  setsid -f ${programs.daemon} --config ${configFile} >>${logFile} 2>&1`);
}

function sayBackend(): void {
  say('BGP in place of the overlay, on any host; then twillctl bgp peers:');
  const network = {
    ...{apiVersion: 'twill.io/v1', kind: 'Network'},
    ...{metadata: {name: 'default'}, spec: {backend: 'bgp'}},
  };
  say(`echo '${JSON.stringify(network)}' | ${programs.ctl} --etcd … apply -f -`);
  say('With switches: make lab FABRIC=bgp');
}

function sayFabric(ctl: string): void {
  say('Sessions of a host, what is configured, and what is learnt:');
  say(`${programs.ctl} bgp peers; ${ctl} get bgppeers -o yaml; ${programs.ctl} bgp routes`);
  say('A switch that falls silent, and that speaks again; on the switch, in place of vtysh:');
  say('iptables -A INPUT -j DROP; iptables -D INPUT -j DROP');
}
