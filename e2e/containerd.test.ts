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
import {createLab} from './lab.js';
import {labTest} from './privileged.js';

labTest('x', async t => {
  const lab = await createLab(t);
  const a = lab.host('a');
  const conflist = {
    cniVersion: '1.0.0',
    name: 'reference',
    plugins: [
      {
        type: 'ptp',
        ipam: {type: 'host-local', subnet: '10.9.0.0/24', routes: [{dst: '0.0.0.0/0'}]},
      },
    ],
  };
  await a.installCni(conflist);
  await a.run(['sh', '-c', 'echo 1 | tee /proc/sys/net/ipv*/conf/all/forwarding']);
  const t0 = performance.now();
  const cd = await Containerd.open(a, lab.id);
  t.log('containerd', performance.now() - t0);
  const config = (i: number): SandboxConfig => ({
    metadata: {name: `p${i}`, namespace: 'lab', uid: `u${i}`},
    linux: {cgroupParent: cd.cgroupParent},
  });
  const pods = await Promise.all(
    Array.from({length: 10}, async (_, i) => {
      const sandbox = await cd.cri.runPodSandbox(config(i));
      const [ip = ''] = await cd.cri.podAddresses(sandbox);
      const container = await cd.cri.runContainer(sandbox, config(i), {
        name: 'c',
        image,
        command: ['nc', '-ll', '-p', '7', '-e', 'cat'],
      });
      return {sandbox, ip, container};
    }),
  );
  t.log('pods', performance.now() - t0);
  const [p0, p1] = pods;
  if (!p0 || !p1) throw new Error();
  t.log(
    await cd.cri.exec(p0.container, [
      'sh',
      '-c',
      `ping -c1 -s 65000 ${p1.ip} && dd if=/dev/urandom of=/tmp/x bs=64k count=1 2>/dev/null && nc ${p1.ip} 7 </tmp/x | cmp - /tmp/x && echo same`,
    ]),
  );
  t.log('exec', performance.now() - t0);
  await Promise.all(
    pods.map(async ({sandbox}) => {
      await cd.cri.stopPodSandbox(sandbox);
      await cd.cri.removePodSandbox(sandbox);
    }),
  );
  t.log(
    'removed',
    performance.now() - t0,
    await a.ip('-br link'),
    (await a.writtenFiles()).filter(
      f => !f.startsWith('/var/lib/containerd') && !f.startsWith('/opt'),
    ),
  );
  t.pass();
});
