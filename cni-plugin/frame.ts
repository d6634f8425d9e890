/**
 * The request that the `twill` binary sends over the Unix socket, and the daemon's reply. Pure.
 * A tombstone (a DEL that found no daemon) is a file with the same request bytes.
 *
 *   +------+---------+-----------+---------+-----------+     +------------+------+
 *   | TWL1 | command | container | netns   | interface | ... | ipam       | END1 |
 *   |      |         | id        | path    | name      |     | result     |      |
 *   +------+---------+-----------+---------+-----------+     +------------+------+
 *   each field: u32 little-endian length, then that many octets
 *   order: command containerId netnsPath ifName args path stdin ipamResult
 *
 *   reply: u32 little-endian exit code, then what the binary prints on stdout
 *
 * The namespace itself is no field: its descriptor rides beside the first octet (SCM_RIGHTS).
 */
import {DecodeError} from '#native-addon';

const MAGIC = 'TWL1';
const END = 'END1';
const TEXT_FIELDS = ['command', 'containerId', 'netnsPath', 'ifName', 'args', 'path'] as const;

/** Larger than any environment Linux passes (128 KiB a string). */
const MAX_TEXT_OCTETS = 128 * 1024;
/** The binary refuses more on stdin; a delegated result is bounded alike. */
export const MAX_JSON_OCTETS = 1024 * 1024;
export const MAX_FRAME_OCTETS =
  TEXT_FIELDS.length * (MAX_TEXT_OCTETS + 4) +
  2 * (MAX_JSON_OCTETS + 4) +
  MAGIC.length +
  END.length;

export interface Frame {
  readonly command: string;
  readonly containerId: string;
  readonly netnsPath: string;
  readonly ifName: string;
  readonly args: string;
  readonly path: string;
  readonly stdin: Uint8Array; // view, not copy
  readonly ipamResult: Uint8Array; // view; empty unless IPAM was delegated
}

/** @throws DecodeError naming the field that is cut short, too long or not UTF-8. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const reader = new FrameReader(bytes);
  reader.marker(MAGIC, 'magic');
  const command = reader.text('command');
  const containerId = reader.text('containerId');
  const netnsPath = reader.text('netnsPath');
  const ifName = reader.text('ifName');
  const args = reader.text('args');
  const path = reader.text('path');
  const stdin = reader.octets('stdin', MAX_JSON_OCTETS);
  const ipamResult = reader.octets('ipamResult', MAX_JSON_OCTETS);
  reader.marker(END, 'end');
  reader.finish();
  return {command, containerId, netnsPath, ifName, args, path, stdin, ipamResult};
}

export function encodeFrame(frame: Frame): Uint8Array {
  const fields = [
    ...TEXT_FIELDS.map(field => Buffer.from(frame[field], 'utf8')),
    frame.stdin,
    frame.ipamResult,
  ];
  return Buffer.concat([
    Buffer.from(MAGIC),
    ...fields.flatMap(field => [littleEndian(field.length), field]),
    Buffer.from(END),
  ]);
}

export function encodeReply(exitCode: number, stdout: string): Uint8Array {
  return Buffer.concat([littleEndian(exitCode), Buffer.from(stdout, 'utf8')]);
}

/** @throws DecodeError when there is no room for the exit code. */
export function decodeReply(bytes: Uint8Array): {exitCode: number; stdout: string} {
  if (bytes.length < 4) throw new DecodeError('reply.exitCode', 0, 'cut short');
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {exitCode: view.readUInt32LE(0), stdout: view.toString('utf8', 4)};
}

function littleEndian(value: number): Uint8Array {
  const octets = Buffer.allocUnsafe(4);
  octets.writeUInt32LE(value);
  return octets;
}

class FrameReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  marker(expected: string, field: string): void {
    const at = this.#offset;
    if (this.#take(expected.length, field).toString('latin1') !== expected) {
      throw new DecodeError(`frame.${field}`, at, `expected ${expected}`);
    }
  }

  octets(field: string, max: number): Buffer {
    const at = this.#offset;
    const length = this.#take(4, field).readUInt32LE(0);
    if (length > max) throw new DecodeError(`frame.${field}`, at, `${length} octets exceed ${max}`);
    return this.#take(length, field);
  }

  text(field: string): string {
    const at = this.#offset;
    const octets = this.octets(field, MAX_TEXT_OCTETS);
    const text = octets.toString('utf8');
    // A lossy decode is longer or shorter than what came in, or holds U+FFFD that was not there.
    if (text.includes('\uFFFD') && !Buffer.from(text, 'utf8').equals(octets)) {
      throw new DecodeError(`frame.${field}`, at, 'not UTF-8');
    }
    return text;
  }

  finish(): void {
    if (this.#offset !== this.#bytes.length) {
      const left = this.#bytes.length - this.#offset;
      throw new DecodeError('frame.end', this.#offset, `${left} octets follow the end`);
    }
  }

  #take(length: number, field: string): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      throw new DecodeError(`frame.${field}`, this.#offset, 'cut short');
    }
    const octets = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return octets;
  }
}
