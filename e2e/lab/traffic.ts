/** Traffic between two pods that is counted packet by packet. Shell. */
import {fileURLToPath} from 'node:url';

import {eventually} from './eventually.js';
import type {LongProcess} from './process.js';

export interface ReceiverReport {
  readonly received: number; // different numbers
  readonly duplicates: number;
  readonly bufferDrops: number; // arrived, but the receiver was not quick enough
  readonly longestGapMs: number; // between two packets
}

export interface StreamReport extends ReceiverReport {
  readonly sent: number;
  readonly lost: number;
}

const program = fileURLToPath(new URL('stream.js', import.meta.url));
const port = 9000;

/** A pod, or a machine of routers. */
export interface StreamEnd {
  start(argv: readonly string[]): LongProcess;
}

export class Stream {
  readonly #sender: LongProcess;
  readonly #receiver: LongProcess;

  private constructor(sender: LongProcess, receiver: LongProcess) {
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Resolves when the first packets have arrived. */
  static async open(
    from: StreamEnd,
    to: StreamEnd,
    address: string,
    packetsPerSecond = 1000,
  ): Promise<Stream> {
    const receiver = to.start([process.execPath, program, 'receive', address, String(port)]);
    await receiver.line(line => line === 'listening', 5000);
    const target = [address, String(port), String(packetsPerSecond)];
    const sender = from.start([process.execPath, program, 'send', ...target]);
    const stream = new Stream(sender, receiver);
    await stream.flows();
    return stream;
  }

  /** Resolves when `count` more packets have arrived. */
  async flows(count = 10, {withinMs = 5000} = {}): Promise<void> {
    const {received} = await this.report();
    const what = `${count} more packets`;
    await eventually(async () => (await this.report()).received >= received + count, {
      withinMs,
      what,
    });
  }

  async report(): Promise<ReceiverReport> {
    const from = this.#receiver.lines.length;
    this.#receiver.write('report\n');
    const line = await this.#receiver.line(text => text.startsWith('{'), 5000, from);
    return JSON.parse(line) as ReceiverReport;
  }

  /** Ends the stream and counts, once everything that is still on its way had its chance. */
  async close(): Promise<StreamReport> {
    this.#sender.endInput();
    const end = await this.#sender.line(line => line.startsWith('{"sent"'), 5000);
    const {sent} = JSON.parse(end) as {sent: number};
    const complete = async () => {
      const {received, bufferDrops} = await this.report();
      return received + bufferDrops >= sent;
    };
    await eventually(complete, {withinMs: 1000}).catch(() => undefined); // then some are lost
    const report = await this.report();
    await this.#receiver.kill();
    return {...report, sent, lost: sent - report.received - report.bufferDrops};
  }
}
