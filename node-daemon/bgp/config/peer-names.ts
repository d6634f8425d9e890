/** Names of peers in the speaker: a BGPPeer has its own, another node is `node/NAME`. Pure. */
export function nodePeerName(node: string): string {
  return `node/${node}`;
}
