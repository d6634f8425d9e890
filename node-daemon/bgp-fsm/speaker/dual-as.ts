/** A neighbour that knows us by one of two AS numbers, and does not say by which: who we are to it. Pure. */
import type {PeerConfig} from './config.js';

/** Under the second number there is no AS that we stand for. */
export function presentedAs(config: PeerConfig, usesOther: boolean): PeerConfig {
  const {otherAsn, policy} = config;
  if (!usesOther || otherAsn === undefined) return config;
  return {...config, localAsn: otherAsn, policy: {...policy, localAs: undefined}};
}
