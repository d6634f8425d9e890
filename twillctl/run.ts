/**
 * The command line of twillctl. Shell. Each command is loaded when it is called: --help and usage errors
 * are there at once.
 */
import {Command, CommanderError, InvalidArgumentError, Option} from 'commander';
import type {ApplyOptions} from './apply.js';
import type {BgpPeersOptions, BgpRoutesOptions, RoutesTarget} from './bgp.js';
import type {GlobalOptions, Terminal} from './command.js';
import type {DeleteOptions} from './delete.js';
import {CommandError, UsageError} from './error.js';
import type {GetOptions} from './get.js';
import type {IpamShowOptions} from './ipam-show.js';
import type {NodeStatusOptions} from './node-status.js';
import type {VersionOptions} from './version.js';

/** The exit code: 0, 1 for an error, 2 for a command line that makes no sense. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  try {
    await program.parseAsync(args, {from: 'user'});
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has been printed
    for (const line of linesOf(error)) terminal.err(`Error: ${line}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function linesOf(error: unknown): readonly string[] {
  if (error instanceof CommandError) return error.lines;
  if (!(error instanceof Error)) return [String(error)];
  // Errors with a `code` say all there is to say; anything else is a bug, and its stack is the message.
  return 'code' in error ? [error.message] : [error.stack ?? error.message];
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('twillctl');
  program
    .description('Inspect and configure Twill')
    .exitOverride()
    .configureOutput({
      writeOut: text => terminal.out(text),
      writeErr: text => terminal.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'Error: ')),
    })
    .option(
      '--etcd <urls>',
      'etcd, comma separated [$TWILLCTL_ETCD] (default: http://127.0.0.1:2379)',
    )
    .option('--prefix <key>', 'where Twill’s keys lie [$TWILLCTL_PREFIX] (default: /twill/v1)')
    .option('--node-api <url>', 'the daemon [$TWILLCTL_NODE_API] (default: http://127.0.0.1:9478)')
    .option('--etcd-ca-file <file>', 'certificates etcd is trusted by [$TWILLCTL_ETCD_CA_FILE]')
    .option('--etcd-cert-file <file>', 'own certificate [$TWILLCTL_ETCD_CERT_FILE]')
    .option('--etcd-key-file <file>', 'own key [$TWILLCTL_ETCD_KEY_FILE]')
    .option('--etcd-username <name>', 'user of etcd [$TWILLCTL_ETCD_USERNAME]')
    .option('--etcd-password-file <file>', 'their password [$TWILLCTL_ETCD_PASSWORD_FILE]');
  addGet(program, terminal);
  addApply(program, terminal);
  addDelete(program, terminal);
  addNode(program, terminal);
  addBgp(program, terminal);
  addIpam(program, terminal);
  addVersion(program, terminal);
  return program;
}

function addGet(program: Command, terminal: Terminal): void {
  program
    .command('get <kind> [name...]')
    .description(
      'show records: pools, networks, nodes, leases, endpoints, namespaces, bgpconfigs, …',
    )
    .addOption(output('wide', 'json', 'yaml', 'name'))
    .option('-n, --namespace <name>', 'of network policies (default: default) and of pods')
    .option('-A, --all-namespaces', 'all of them')
    .action(async (kind: string, names: string[], options: GetOptions, command: Command) => {
      const [{withStore}, {runGet}] = await Promise.all([
        import('./connection.js'),
        import('./get.js'),
      ]);
      await withStore(command.optsWithGlobals<GlobalOptions>(), terminal.env, store =>
        runGet(store, terminal, [kind, ...names], options),
      );
    });
}

interface FileOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
}

function addApply(program: Command, terminal: Terminal): void {
  program
    .command('apply')
    .description('create or change records from files; all are checked before any is written')
    .addOption(filename().makeOptionMandatory())
    .option('-R, --recursive', 'folders with what is below them')
    .option('-n, --namespace <name>', 'for documents that name none')
    .option('--dry-run', 'check and say what would change')
    .action(async (options: ApplyOptions & FileOptions, command: Command) => {
      const [{withStore}, {readManifests}, {runApply}] = await Promise.all([
        import('./connection.js'),
        import('./manifest.js'),
        import('./apply.js'),
      ]);
      const manifests = await readManifests(options.filename ?? [], terminal, options);
      await withStore(command.optsWithGlobals<GlobalOptions>(), terminal.env, store =>
        runApply(store, terminal, manifests, options),
      );
    });
}

function addDelete(program: Command, terminal: Terminal): void {
  program
    .command('delete [kind] [name...]')
    .description('delete records by name, or those that files name')
    .addOption(filename())
    .option('-R, --recursive', 'folders with what is below them')
    .option('-n, --namespace <name>', 'of network policies (default: default)')
    .option('--ignore-not-found', 'what is not there is no error')
    .action(
      async (
        kind: string | undefined,
        names: string[],
        options: DeleteOptions & FileOptions,
        command: Command,
      ) => {
        const {filename: files = []} = options;
        if ((kind === undefined) === (files.length === 0)) {
          throw new UsageError('expected either KIND NAME or -f FILE');
        }
        const [{withStore}, {readManifests}, {runDelete, victimsIn, victimsOf}] = await Promise.all(
          [import('./connection.js'), import('./manifest.js'), import('./delete.js')],
        );
        const victims =
          kind === undefined
            ? victimsIn(await readManifests(files, terminal, options), options)
            : victimsOf([kind, ...names], options);
        await withStore(command.optsWithGlobals<GlobalOptions>(), terminal.env, store =>
          runDelete(store, terminal, victims, options),
        );
      },
    );
}

function addNode(program: Command, terminal: Terminal): void {
  program
    .command('node')
    .description('the daemon of this host')
    .command('status')
    .description('lease, backend, peers, reconcile health, last errors')
    .addOption(output('wide', 'json', 'yaml'))
    .action(async (options: NodeStatusOptions, command: Command) => {
      const {runNodeStatus} = await import('./node-status.js');
      await runNodeStatus(command.optsWithGlobals<GlobalOptions>(), terminal, options);
    });
}

function addBgp(program: Command, terminal: Terminal): void {
  const bgp = program.command('bgp').description('the BGP speaker of this host');
  bgp
    .command('peers')
    .description(
      'sessions by name: their state, prefixes, why one is down, and what is kept of it as stale',
    )
    .addOption(output('wide', 'json', 'yaml'))
    .action(async (options: BgpPeersOptions, command: Command) => {
      const {runBgpPeers} = await import('./bgp.js');
      await runBgpPeers(command.optsWithGlobals<GlobalOptions>(), terminal, options);
    });

  const addTable = (usage: string, about: string, target: (typed?: string) => RoutesTarget) =>
    bgp
      .command(usage)
      .description(about)
      .addOption(output('wide', 'json', 'yaml'))
      .addOption(new Option('--family <family>', 'of both, only').choices(['ipv4', 'ipv6']))
      .addOption(new Option('--limit <n>', 'at most; 0: all').argParser(parseCount).default(1000))
      .action(async (typed: string | undefined, options: BgpRoutesOptions, command: Command) => {
        const {runBgpRoutes} = await import('./bgp.js');
        const globals = command.optsWithGlobals<GlobalOptions>();
        await runBgpRoutes(globals, terminal, target(typed), options);
      });
  addTable(
    'routes [prefix]',
    'what was selected; of an address, the routes that lead there',
    prefix => ({table: 'selected', prefix}),
  ).option('--longer', 'the prefix and all inside it');
  addTable('advertised <peer>', 'what a peer is told', peer => ({table: 'advertised', peer}));
  addTable('received <peer>', 'what a peer told, and what import made of it', peer => ({
    table: 'received',
    peer,
  }));
}

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number.');
}

function addIpam(program: Command, terminal: Terminal): void {
  program
    .command('ipam')
    .description('addresses')
    .command('show')
    .description('pools, who leases their blocks, and how many addresses pods use')
    .addOption(output('json', 'yaml'))
    .action(async (options: IpamShowOptions, command: Command) => {
      const [{withStore}, {runIpamShow}] = await Promise.all([
        import('./connection.js'),
        import('./ipam-show.js'),
      ]);
      await withStore(command.optsWithGlobals<GlobalOptions>(), terminal.env, store =>
        runIpamShow(store, terminal, options),
      );
    });
}

function addVersion(program: Command, terminal: Terminal): void {
  program
    .command('version')
    .description('of twillctl, and of the daemon and etcd where they can be reached')
    .option('--client', 'only of twillctl')
    .addOption(output('json', 'yaml'))
    .action(async (options: VersionOptions, command: Command) => {
      const {runVersion} = await import('./version.js');
      await runVersion(command.optsWithGlobals<GlobalOptions>(), terminal, options);
    });
}

function output(...formats: readonly string[]): Option {
  return new Option('-o, --output <format>', 'how to print it').choices([...formats]);
}

function filename(): Option {
  return new Option(
    '-f, --filename <file>',
    'a file, a folder, or - for stdin; may be repeated',
  ).argParser<readonly string[]>((file, before = []) => [...before, file]);
}
