/**
 * Which machine this is, for telling it from another that goes by the same node name. Shell. Not the
 * node's identity (that is identity.ts): several hosts may share one machine, and have other names.
 *
 * Hashes, because a machine-id is not to be shown around (machine-id(5)). What cannot be read, or is one
 * of the values that makers forget to fill in, is left out: in a container /etc/machine-id is the image's
 * unless the host's is mounted.
 */
import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import type {Machine} from '../datastore/records/node.js';

const files = {id: '/etc/machine-id', product: '/sys/class/dmi/id/product_uuid'};

export async function readMachine({id, product} = files): Promise<Machine> {
  return toMachine({id: await readLine(id), product: await readLine(product)});
}

/** Texts as the two files hold them. */
export function toMachine({id = '', product = ''}: {id?: string; product?: string}): Machine {
  const uuid = product.trim().toLowerCase();
  return {
    ...(/^[0-9a-f]{32}$/.test(id.trim()) && {id: hash('machine-id', id.trim())}),
    ...(isUuid(uuid) && !isBlank(uuid) && {product: hash('product-uuid', uuid)}),
  };
}

async function readLine(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** One digit throughout, or the example that some mainboards are shipped with. */
function isBlank(uuid: string): boolean {
  const digits = new Set(uuid.replaceAll('-', ''));
  return digits.size === 1 || uuid === '03000200-0400-0500-0006-000700080009';
}

function hash(kind: string, text: string): string {
  return createHash('sha256').update(`twill ${kind}\0${text}`).digest('hex').slice(0, 32);
}
