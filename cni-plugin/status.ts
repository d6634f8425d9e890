/** STATUS. Pure but for reading the node's state. */
import type {AddressBook, Family} from '#ipam';
import {parseConfig} from './config.js';
import type {Call, CniContext} from './context.js';
import {CNI_CODE, CniError} from './error.js';

/** @throws CniError 50 until an ADD can be served at all, 51 when it would get no address. */
export function status({node, book}: CniContext, call: Call): void {
  const config = parseConfig(call.json, call.base, 'STATUS');
  const {ready, ranges, reason, families} = node.state();
  const why = reason === undefined ? {} : {details: reason};
  if (!ready)
    throw new CniError(CNI_CODE.notAvailable, 'twilld is not ready on this node yet', why);
  if (config.ipam === 'delegated') return;
  const limited = (message: string) => new CniError(CNI_CODE.limitedConnectivity, message, why);
  if (ranges === 'none') throw limited('this node holds no address range');
  if (ranges === 'unsafe') throw limited("the lease on this node's address ranges is not safe");
  const exhausted = families.find(family => !hasFree(book, family));
  if (exhausted !== undefined) throw limited(`no free ${exhausted} address on this node`);
}

function hasFree(book: AddressBook, family: Family): boolean {
  return book
    .usage()
    .some(range => range.family === family && range.used + range.reserved < range.size);
}
