/** Which interfaces can be meant when nobody has said which. Pure. */
import type {Link} from '#native-addon';

const IFF_LOOPBACK = 0x8; // linux/if.h

/** Made for pods or containers, by us or by others; also where the host's side has an address. */
const podSide =
  /^(twl|twill\.|docker|br-|virbr|lxcbr|lxdbr|cni|cbr|podman|nerdctl|veth|vnet|cali|vxlan\.calico|flannel|cilium|lxc|kube-|nodelocaldns|tunl|ip6tnl|sit|ifb|dummy|weave|antrea|ovn|ovs)/;

export function mayBeUnderlay({name, up, flags, kind}: Link): boolean {
  return up && (flags & IFF_LOOPBACK) === 0 && kind !== 'vxlan' && !podSide.test(name);
}

/** Those with a carrier first, then in the order they were made. */
export function byIndex(a: Link, b: Link): number {
  return Number(b.running) - Number(a.running) || a.index - b.index;
}
