/**
 * The addresses of this host as they are now, from the kernel's news. Shell.
 *
 * Not os.networkInterfaces(): it leaves out links that are up and not "running" yet, which a link may be
 * for a second while packets pass and sessions come up over it.
 */
import {
  decodeAddress,
  dumpAddresses,
  IFA_F_DADFAILED,
  IFA_F_TENTATIVE,
  openMonitor,
  openNetlink,
  RTM_DELADDR,
  RTM_NEWADDR,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  type Address,
  type Message,
  type Monitor,
  type Namespace,
} from '#native-addon';
import type {Log} from '#bgp-fsm';
import type {HostAddress} from './path.js';

const AGAIN_MS = 1000;

export interface HostAddressesOptions {
  readonly namespace?: Namespace; // that of the process
  readonly log: Log;
  /** Once for a burst of news; never while it opens. */
  readonly onChange: () => void;
}

export class HostAddresses {
  readonly #options: HostAddressesOptions;
  #addresses = new Map<string, Address>();
  #news: Message[] | undefined; // that came while a dump runs
  #list: readonly HostAddress[] | undefined;
  #monitor: Monitor | undefined;
  #isTelling = false;
  #isClosed = false;

  /** @throws NetlinkError when the kernel cannot be asked. */
  static async open(options: HostAddressesOptions): Promise<HostAddresses> {
    const addresses = new HostAddresses(options);
    await addresses.#watch();
    return addresses;
  }

  private constructor(options: HostAddressesOptions) {
    this.#options = options;
  }

  /** Those that can be used: IPv6 ones are not before duplicates were looked for (RFC 4862 §5.4). */
  get list(): readonly HostAddress[] {
    return (this.#list ??= [...this.#addresses.values()].filter(isUsable).map(toHostAddress));
  }

  close(): void {
    this.#isClosed = true;
    this.#monitor?.close();
  }

  async #watch(): Promise<void> {
    this.#monitor = await openMonitor({
      ...this.#where(),
      groups: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
      onMessage: message => this.#hear(message),
      onResync: () => this.#readSoon(),
      onError: error => this.#watchAgain(error),
    });
    if (this.#isClosed) this.#monitor.close();
    await this.#read();
  }

  /** All of them, and on top of that what was told meanwhile. */
  async #read(): Promise<void> {
    const news: Message[] = (this.#news = []);
    const socket = await openNetlink(this.#where());
    try {
      const dumped = (await socket.dump(dumpAddresses())).map(({payload}) =>
        decodeAddress(payload),
      );
      this.#addresses = new Map(dumped.map(address => [keyOf(address), address]));
    } finally {
      this.#news = undefined;
      socket.close();
    }
    this.#list = undefined;
    for (const message of news) this.#take(message);
  }

  #readSoon(): void {
    this.#read().then(
      () => this.#tell(),
      (error: unknown) => this.#retry(() => this.#readSoon(), error),
    );
  }

  #watchAgain(error: unknown): void {
    this.#watch().then(
      () => this.#tell(),
      () => this.#retry(() => this.#watchAgain(error), error),
    );
  }

  #retry(action: () => void, err: unknown): void {
    this.#options.log('warn', 'addresses of the host could not be read', {err});
    setTimeout(() => !this.#isClosed && action(), AGAIN_MS).unref();
  }

  #hear(message: Message): void {
    if (this.#news !== undefined) {
      this.#news.push({...message, payload: message.payload.slice()});
      return;
    }
    this.#take(message);
    this.#tell();
  }

  #take({type, payload}: Message): void {
    if (type !== RTM_NEWADDR && type !== RTM_DELADDR) return;
    const address = decodeAddress(payload);
    if (type === RTM_NEWADDR) this.#addresses.set(keyOf(address), address);
    else this.#addresses.delete(keyOf(address));
    this.#list = undefined;
  }

  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      if (!this.#isClosed) this.#options.onChange();
    });
  }

  #where(): {namespace?: Namespace} {
    const {namespace} = this.#options;
    return namespace === undefined ? {} : {namespace};
  }
}

/** linux/if_addr.h: one that is optimistic (RFC 4429) may be used meanwhile. */
const IFA_F_OPTIMISTIC = 0x04;

function isUsable({flags}: Address): boolean {
  if ((flags & IFA_F_DADFAILED) !== 0) return false;
  return (flags & IFA_F_TENTATIVE) === 0 || (flags & IFA_F_OPTIMISTIC) !== 0;
}

function keyOf({index, address, bits}: Address): string {
  return `${index} ${address.join('.')}/${bits}`;
}

function toHostAddress({index, address, bits}: Address): HostAddress {
  return {ifindex: index, address, subnet: {address, bits}};
}
