/**
 * A speaker's configuration on its way to another thread, and there again. Pure. Policies are code: what
 * travels is their rules, each policy once however many peers share it, to be compiled where it is used.
 */
import {
  compilePolicy,
  type CompiledPolicy,
  type PeerPolicy,
  type Policy,
  type PolicySource,
  type SpeakerConfig,
} from '#bgp-fsm';

/** As SpeakerConfig, with the ids of policies beside it. */
export interface ConfigMessage {
  readonly config: SpeakerConfig; // without any
  readonly peers: readonly PolicyIds[]; // of config.peers, in their order
  readonly ranges: readonly PolicyIds[];
  readonly policies: ReadonlyMap<string, PolicySource>; // by id
}

interface PolicyIds {
  readonly importId: string | undefined;
  readonly exportId: string | undefined;
}

interface Filtered {
  readonly policy: PeerPolicy;
}

/** @throws TypeError for a policy that was not compiled from rules. */
export function packConfig(config: SpeakerConfig): ConfigMessage {
  const policies = new Map<string, PolicySource>();
  for (const {policy} of [...config.peers, ...config.ranges]) {
    for (const each of [policy.importPolicy, policy.exportPolicy]) {
      if (each !== undefined && !policies.has(each.id)) policies.set(each.id, sourceOf(each));
    }
  }
  return {
    config: {
      ...config,
      peers: config.peers.map(withoutPolicies),
      ranges: config.ranges.map(withoutPolicies),
    },
    peers: config.peers.map(idsOf),
    ranges: config.ranges.map(idsOf),
    policies,
  };
}

/** A policy stays the same object as long as it is in use: it remembers what it has judged. */
export class ConfigReader {
  #policies: ReadonlyMap<string, Policy> = new Map();

  read({config, peers, ranges, policies}: ConfigMessage): SpeakerConfig {
    this.#policies = new Map(
      [...policies].map(([id, {rules, direction}]) => {
        return [id, this.#policies.get(id) ?? compilePolicy(rules, direction)];
      }),
    );
    return {
      ...config,
      peers: config.peers.map((peer, at) => this.#complete(peer, peers[at])),
      ranges: config.ranges.map((range, at) => this.#complete(range, ranges[at])),
    };
  }

  #complete<T extends Filtered>(each: T, ids: PolicyIds | undefined): T {
    const importPolicy = this.#policies.get(ids?.importId ?? '');
    const exportPolicy = this.#policies.get(ids?.exportId ?? '');
    return {...each, policy: {...each.policy, importPolicy, exportPolicy}};
  }
}

/** As plain data. */
export function withoutPolicies<T extends Filtered>(each: T): T {
  return {...each, policy: {...each.policy, importPolicy: undefined, exportPolicy: undefined}};
}

function idsOf({policy: {importPolicy, exportPolicy}}: Filtered): PolicyIds {
  return {importId: importPolicy?.id, exportId: exportPolicy?.id};
}

function sourceOf(policy: Policy): PolicySource {
  const {source} = policy as Partial<CompiledPolicy>;
  if (source === undefined) throw new TypeError(`policy ${policy.id} tells no rules`);
  return source;
}
