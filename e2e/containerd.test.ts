/*
 *    host a                                host b
 *   +--------------------------+          +--------------------------+
 *   | containerd, twilld       |          | containerd, twilld       |
 *   | pods 0..9 (runc)  eth0 --|-- br0 ---|-- eth0  pods 10..19      |
 *   +--------------------------+          +--------------------------+
 *
 * Claim: a real runtime starts 20 pods at once, every one reaches every other, and stopping and
 * removing them leaves nothing.
 */
import {Containerd, image} from './lab/containerd.js';
import type {SandboxConfig} from './lab/cri.js';
import {servedVerbs} from './lab/api.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {createCluster, endpointKeys, podsAreGone} from './cluster.js';
import {labTest} from './privileged.js';

const podsPerHost = 10;

interface RunningPod {
  readonly name: string;
  readonly runtime: Containerd;
  readonly sandbox: string;
  readonly container: string;
  readonly addresses: readonly string[];
}

labTest(
  '20 pods of containerd on two hosts reach each other, and leave nothing behind',
  async t => {
    const lab = await createCluster(t);
    const runtimes = await Promise.all(lab.hosts.map(host => Containerd.open(host, lab.id)));
    for (const runtime of runtimes) t.teardown(() => runtime.close());
    const before = await Promise.all(lab.hosts.map(traces));

    let startedAt = performance.now();
    const starting = runtimes.flatMap((runtime, host) =>
      Array.from({length: podsPerHost}, (_, index) =>
        startPod(runtime, host * podsPerHost + index),
      ),
    );
    const pods = await Promise.all(starting);
    t.log(`${pods.length} pods: ${Math.round(performance.now() - startedAt)} ms`);
    t.is(new Set(pods.flatMap(({addresses}) => addresses)).size, 2 * pods.length);

    startedAt = performance.now();
    const replies = await Promise.all(pods.map(pod => probeAll(pod, pods)));
    t.log(`every pod to every pod: ${Math.round(performance.now() - startedAt)} ms`);
    for (const {stdout, stderr} of replies) t.is(stdout, 'all reached\n', stderr);

    startedAt = performance.now();
    await Promise.all(
      pods.map(async ({runtime, sandbox}) => {
        await runtime.cri.stopPodSandbox(sandbox);
        await runtime.cri.stopPodSandbox(sandbox); // as kubelet does, once more before it removes
        await runtime.cri.removePodSandbox(sandbox);
      }),
    );
    t.log(`all removed: ${Math.round(performance.now() - startedAt)} ms`);
    for (const [index, host] of lab.hosts.entries()) {
      await t.notThrowsAsync(podsAreGone(host));
      t.deepEqual(await traces(host), before[index]);
      const failures = runtimes[index]?.process.lines.filter(line =>
        /failed.*(CNI|network)/i.test(line),
      );
      t.deepEqual(failures, [], 'the runtime had nothing to complain about');
      t.deepEqual(await servedVerbs(host, 'ADD'), {0: podsPerHost});
      t.deepEqual(await servedVerbs(host, 'DEL'), {0: 3 * podsPerHost}, 'three DELs a pod');
    }
    await eventually(async () => (await endpointKeys(lab)).length === 0, {
      withinMs: 10_000,
      what: 'no endpoint record',
    });
  },
  {programs: ['containerd', 'runc', 'ctr']},
);

async function startPod(runtime: Containerd, number: number): Promise<RunningPod> {
  const name = `pod-${number}`;
  const config: SandboxConfig = {
    metadata: {name, namespace: 'lab', uid: `uid-${number}`},
    linux: {cgroupParent: runtime.cgroupParent},
  };
  const sandbox = await runtime.cri.runPodSandbox(config);
  const addresses = await runtime.cri.podAddresses(sandbox);
  const container = await runtime.cri.runContainer(sandbox, config, {
    name: 'echo',
    image,
    command: ['nc', '-ll', '-p', '7', '-e', 'cat'],
  });
  return {name, runtime, sandbox, container, addresses};
}

/**
 * One shell in the pod's own container: ping and TCP, small and large, to every address. Each pod
 * begins with another one, and may repeat: nc, the server, lets only two connections wait.
 */
function probeAll(pod: RunningPod, pods: readonly RunningPod[]) {
  const {runtime, container} = pod;
  const first = pods.indexOf(pod);
  const targets = [...pods.slice(first), ...pods.slice(0, first)];
  const script = `
    thrice() { "$@" 2>/dev/null || "$@" 2>/dev/null || "$@"; }
    echoes() { nc -w 5 $1 7 <$2 | cmp - $2; }
    cd /tmp
    head -c 1400 /dev/urandom >small
    head -c 65536 /dev/urandom >large
    missed=no
    for address in ${targets.flatMap(({addresses}) => addresses).join(' ')}; do
      for bytes in 1400 65000; do
        thrice ping -q -c 1 -W 2 -s $bytes $address >/dev/null || { missed=yes; echo "ping $address $bytes" >&2; }
      done
      for file in small large; do
        thrice echoes $address $file || { missed=yes; echo "tcp $address $file" >&2; }
      done
    done
    [ $missed = no ] && echo all reached`;
  return runtime.cri.exec(container, ['sh', '-c', script], 120);
}

/** Network interfaces and files, without what containerd keeps about itself. */
async function traces(host: Host): Promise<readonly string[]> {
  const own = /^\/(var\/lib\/containerd|run\/containerd|opt\/cni)\//;
  const files = (await host.writtenFiles()).filter(path => !own.test(path));
  const links = await host.json<{ifname: string}>('ip link show');
  return [...links.map(({ifname}) => ifname), ...files];
}
