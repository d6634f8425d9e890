/**
 * twilld, the process: arguments, configuration, signals, exit codes. Shell; the only file that exits.
 *
 * Exit codes: 0 stopped by a signal, 1 could not start or broke, 2 wrong arguments or configuration.
 */
import {readFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {misspeltVariables} from './config/environment.js';
import {ConfigError} from './config/error.js';
import {kubernetesNotice} from './config/kubernetes.js';
import {readConfig} from './config/read.js';
import {startDaemon} from './daemon.js';
import {createLogger} from './log.js';

const usage = `Usage: twilld [--config FILE]

The node daemon of Twill: serves the CNI verbs, holds the node's lease on its address ranges in
etcd, and keeps the kernel's routes to the other hosts.

  --config FILE   YAML; without it, defaults and TWILL_… variables
  --version       print the version
  --help          print this

Every key of the file can be given in the environment: node.name as TWILL_NODE_NAME, etcd.endpoints as
TWILL_ETCD_ENDPOINTS (a comma-separated list). docs/operations.md lists the keys.
`;

const version = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;

await main().catch((error: unknown) => {
  const isConfig = error instanceof ConfigError;
  process.stderr.write(`${isConfig ? error.message : `twilld: ${describe(error)}`}\n`);
  process.exit(isConfig ? error.exitCode : 1);
});

async function main(): Promise<void> {
  const args = readArguments();
  if (args.help) return void process.stdout.write(usage);
  if (args.version) return void process.stdout.write(`twilld ${version}\n`);

  const config = await readConfig(args.config, process.env);
  const log = createLogger(config.log.level, config.node.name);
  for (const {variable, meant} of misspeltVariables(process.env)) {
    log.warn({variable, meant}, 'environment variable is ignored; misspelt?');
  }
  const notice = kubernetesNotice(config.kubernetes, process.env);
  if (notice !== undefined) log.warn(notice);
  const stopped = new Promise<NodeJS.Signals>(resolve => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const daemon = await startDaemon({config, log, version});
  const signal = await stopped;
  log.info({signal}, 'stopping; pods keep forwarding');
  await daemon.stop();
  process.exit(0);
}

function readArguments(): {config?: string; help?: boolean; version?: boolean} {
  try {
    const {values} = parseArgs({
      options: {
        config: {type: 'string'},
        help: {type: 'boolean', short: 'h'},
        version: {type: 'boolean'},
      },
    });
    return {...values};
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`twilld: ${message}\n\n${usage}`);
    process.exit(2);
  }
}

/** Errors with a code are told in words; one without is a bug, and its stack says where. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? error.message : (error.stack ?? error.message);
}
