/**
 * A container runtime's half of CNI, small: runs the plugins of a conflist one by one the way libcni
 * does, with the real binaries. What it keeps between ADD and DEL is the last result. Shell.
 */
import type {Namespace} from './namespace.js';

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

export interface Plugin {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
}

export interface Conflist {
  readonly cniVersion: string;
  readonly cniVersions?: readonly string[];
  readonly name: string;
  readonly plugins: readonly Plugin[];
}

export interface CniResult {
  readonly cniVersion: string;
  readonly interfaces?: readonly {
    readonly name: string;
    readonly mac?: string;
    readonly sandbox?: string;
  }[];
  readonly ips?: readonly {
    readonly address: string;
    readonly gateway?: string;
    readonly interface?: number;
  }[];
  readonly routes?: readonly {readonly dst: string; readonly gw?: string}[];
}

export interface CniFailure {
  readonly code: number; // CNI's own: 1 to 11, 50, 51, 100 and up
  readonly msg: string;
  readonly details?: string;
}

export interface CniOutcome {
  readonly exitCode: number;
  readonly result?: CniResult;
  readonly failure?: CniFailure;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

export interface CniTarget {
  readonly containerId: string;
  readonly netns: string; // '' on a DEL when the namespace is gone
  readonly ifName: string;
}

export interface CniOptions {
  readonly conflist?: Conflist;
  readonly args?: string; // CNI_ARGS
  readonly runtimeConfig?: Readonly<Record<string, unknown>>;
  readonly prevResult?: CniResult;
  readonly env?: Readonly<Record<string, string | undefined>>; // over everything else
}

export const twillConflist: Conflist = {
  cniVersion: '1.0.0',
  cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
  name: 'twill',
  plugins: [
    {
      type: 'twill',
      socket: '/run/twill/cni.sock',
      capabilities: {ips: true, mac: true, 'io.kubernetes.cri.pod-annotations': true},
    },
  ],
};

const binDir = '/opt/cni/bin';

/** One verb through the whole chain; the first failure ends it, as in libcni. */
export async function runChain(
  host: Namespace,
  verb: Verb,
  target: CniTarget,
  options: CniOptions & {readonly conflist: Conflist},
): Promise<CniOutcome> {
  const {conflist} = options;
  const plugins = verb === 'DEL' ? conflist.plugins.toReversed() : conflist.plugins;
  let prevResult = options.prevResult;
  let outcome: CniOutcome | undefined;
  let elapsedMs = 0;
  for (const plugin of plugins) {
    const config = pluginConfig(conflist, plugin, {...options, ...(prevResult && {prevResult})});
    outcome = await runPlugin(host, plugin.type, {
      verb,
      target,
      options,
      stdin: JSON.stringify(config),
    });
    elapsedMs += outcome.elapsedMs;
    if (outcome.exitCode !== 0) break;
    if (verb === 'ADD') prevResult = outcome.result ?? prevResult;
  }
  if (!outcome) throw new Error('a conflist without plugins');
  return {...outcome, elapsedMs};
}

export interface PluginCall {
  readonly verb: string;
  readonly target: CniTarget;
  readonly stdin: string | Uint8Array;
  readonly options?: CniOptions;
}

/** One run of one binary with exactly this standard input. */
export async function runPlugin(
  host: Namespace,
  type: string,
  call: PluginCall,
): Promise<CniOutcome> {
  const {verb, target, stdin, options = {}} = call;
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: target.containerId,
    CNI_NETNS: target.netns,
    CNI_IFNAME: target.ifName,
    CNI_PATH: binDir,
    CNI_ARGS: options.args,
    ...options.env,
  };
  const startedAt = performance.now();
  const {code, stdout, stderr} = await host.run([`${binDir}/${type}`], {
    env,
    input: stdin,
    mayFail: true,
  });
  const elapsedMs = performance.now() - startedAt;
  const answer = parseAnswer(stdout);
  return {
    exitCode: code,
    stdout,
    stderr,
    elapsedMs,
    ...(code === 0 ? {result: answer as CniResult} : {failure: answer as CniFailure}),
  };
}

/** Name and version of the list, the last result, and of `runtimeConfig` what the plugin can do. */
function pluginConfig(conflist: Conflist, plugin: Plugin, options: CniOptions): object {
  const {capabilities = {}, ...rest} = plugin;
  const wanted = Object.entries(options.runtimeConfig ?? {}).filter(([key]) => capabilities[key]);
  return {
    ...rest,
    name: conflist.name,
    cniVersion: conflist.cniVersion,
    ...(wanted.length > 0 && {runtimeConfig: Object.fromEntries(wanted)}),
    ...(options.prevResult && {prevResult: options.prevResult}),
  };
}

function parseAnswer(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined; // DEL and CHECK answer nothing
  }
}
