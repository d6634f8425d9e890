/**
 * A table on paper through a speaker on paper, for the thread whose real speaker begins next. Nothing of it is
 * seen outside: no socket, no timer, no route.
 *
 *   giver ── announces, withdraws ──> speaker ──> taker
 *                                        └──────> selected columns, to nobody
 *
 * What has never run, V8 interprets, and compiles while it runs: the first table that a speaker ever reads costs
 * twice what the second does (docs/decisions/0009). Twice, by two speakers with two kinds of policies: code that
 * was compiled for one speaker is compiled for its very closures, and thrown away as soon as the next one calls.
 */
import {
  encodeAttributes,
  encodeKeepalive,
  encodeOpen,
  NOBODY,
  parseAddress,
  UpdatePacker,
  type Accept,
  type Connection,
  type ConnectionHandler,
  type Family,
} from '#bgp-fsm';
import {SpeakerService, takeColumns, type ServicePorts} from './speaker-service.js';
import {parseStandalone} from './standalone-config.js';

/** What came through, so that a rehearsal which rehearses nothing is seen. */
export interface Rehearsed {
  readonly selected: number; // prefixes of `selectedColumns`, those that went included
  readonly toldOctets: number; // to the taker
}

const PREFIXES: Readonly<Record<Family, number>> = {ipv4: 4000, ipv6: 1000};
const PER_SET = 4;
const CHUNK_OCTETS = 1 << 16;
const OWN_ASN = 64_512;
const GIVER = {address: '192.0.2.2', local: '192.0.2.1', asn: 64_513};
const TAKER = {address: '198.51.100.2', local: '198.51.100.1', asn: 4_200_000_000};
const everything = {ipv4: [{cidr: '0.0.0.0/0', ge: 8, le: 28}], ipv6: [{cidr: '::/0', le: 64}]};
const filters = [
  {match: {communities: ['no-advertise']}, action: 'reject'},
  {match: {prefixes: everything.ipv4}, action: 'accept'},
  {match: {prefixes: everything.ipv6}, action: 'accept'},
];

type Neighbour = typeof GIVER;

/** Takes a quarter of a second, once. */
export function rehearse(): readonly Rehearsed[] {
  const updates = [...tableOf('ipv4'), ...tableOf('ipv6')];
  return [undefined, filters].map(rules => new Stage(rules).play(updates));
}

class Stage {
  readonly #service: SpeakerService;
  #soon: (() => void)[] = [];
  #accept: Accept = () => undefined;
  #untaken = 0;
  #selected = 0;

  constructor(rules: readonly object[] | undefined) {
    this.#service = new SpeakerService(
      this.#ports(),
      message => {
        if (message.kind !== 'selectedColumns') return;
        this.#untaken++;
        this.#selected += message.columns.families.length;
      },
      takeColumns,
    );
    const peers = [GIVER, TAKER].map(({address, asn}) => ({
      ...{address, asn, passive: true, import: rules, export: rules},
    }));
    const file = {asn: OWN_ASN, identifier: GIVER.local, listen: {port: 179}, peers};
    this.#service.execute({
      kind: 'start',
      start: {restarted: false, preserved: [], absent: []},
    });
    this.#service.execute({
      kind: 'configure',
      config: parseStandalone(JSON.stringify(file)).config,
    });
  }

  play(updates: readonly Uint8Array[]): Rehearsed {
    const taker = this.#connect(TAKER);
    const giver = this.#connect(GIVER);
    for (const bytes of updates) this.#hear(giver, bytes);
    giver.handler.closed(undefined); // all of it is withdrawn
    this.#run();
    return {selected: this.#selected, toldOctets: taker.writtenOctets};
  }

  #connect({address, local, asn}: Neighbour): PaperConnection {
    const connection = new PaperConnection(address, local);
    this.#accept(connection, false);
    const identifier = new DataView(connection.remote.octets.buffer).getUint32(0);
    const capabilities = [
      {kind: 'multiprotocol', afi: 1, safi: 1},
      {kind: 'multiprotocol', afi: 2, safi: 1},
      {kind: 'as4', asn},
    ] as const;
    this.#hear(connection, encodeOpen({asn, holdTimeSeconds: 90, identifier, capabilities}));
    this.#hear(connection, encodeKeepalive());
    return connection;
  }

  /** In two pieces, as it happens: the first ends in the middle of a message. */
  #hear({handler}: PaperConnection, bytes: Uint8Array): void {
    const cut = bytes.length - 7;
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      handler.received(piece);
      this.#run();
    }
  }

  #run(): void {
    while (this.#soon.length > 0 || this.#untaken > 0) {
      for (const callback of this.#soon.splice(0)) callback();
      for (; this.#untaken > 0; this.#untaken--) this.#service.execute({kind: 'selectedTaken'});
    }
  }

  #ports(): ServicePorts {
    const never = {cancel() {}};
    return {
      random: Math.random,
      clock: {
        nowMs: () => performance.now(),
        after: () => never,
        soon: callback => void this.#soon.push(callback),
      },
      transport: {
        listen: (_request, accept) => void (this.#accept = accept),
        dial: () => never,
        keyDrops: () => undefined,
        openBfd: () => ({send() {}, close() {}}),
        listenBfd() {},
        close: () => Promise.resolve(),
      },
    };
  }
}

class PaperConnection implements Connection {
  readonly remote;
  readonly localAddress: Uint8Array;
  readonly path;
  readonly isWritable = true;
  handler: ConnectionHandler = NOBODY;
  writtenOctets = 0;

  constructor(address: string, local: string) {
    this.remote = {
      address,
      octets: octetsOf(address),
      interface: undefined,
      port: 179,
      hopLimit: 255,
    };
    this.localAddress = octetsOf(local);
    const nextHops = {ipv4: this.localAddress, ipv6: octetsOf('2001:db8::1'), linkLocal: undefined};
    this.path = {ifindex: 0, nextHops, isDirect: true};
  }

  attach(handler: ConnectionHandler): void {
    this.handler = handler;
  }

  write({length}: Uint8Array): void {
    this.writtenOctets += length;
  }

  pause(): void {}
  resume(): void {}
  adjust(): void {}
  close(): void {}
}

/** /24s or /48s as the giver's UPDATEs, in chunks as a socket would bring them. */
function tableOf(family: Family): readonly Uint8Array[] {
  const packer = new UpdatePacker();
  const chunks: Uint8Array[] = [];
  const nextHop = family === 'ipv4' ? undefined : octetsOf('2001:db8::2');
  for (let prefix = 0; prefix < PREFIXES[family]; prefix++) {
    if (prefix % PER_SET === 0) packer.announce(family, blockOf(prefix / PER_SET, family), nextHop);
    if (family === 'ipv4') packer.add(Uint32Array.of(0x0a00_0000 + prefix * 256), 24);
    else packer.add(Uint32Array.of(0x2001_0db8, prefix << 16, 0, 0), 48);
    if (packer.length > CHUNK_OCTETS) chunks.push(packer.take());
  }
  return [...chunks, packer.take()];
}

/** No two are alike. */
function blockOf(set: number, family: Family): Uint8Array {
  const asns = [GIVER.asn, 4_200_000_000 + set, ...(set % 3 === 0 ? [65_000] : [])];
  const nextHop = new DataView(octetsOf(GIVER.address).buffer).getUint32(0);
  return encodeAttributes(
    {
      ...{origin: 0, asPath: [{kind: 'sequence', asns}], communities: [GIVER.asn * 65_536 + set]},
      ...(family === 'ipv4' && {nextHop}),
    },
    4,
  );
}

function octetsOf(text: string): Uint8Array {
  const octets = parseAddress(text);
  if (octets === undefined) throw new Error(`expected an address, got '${text}'`);
  return octets;
}
