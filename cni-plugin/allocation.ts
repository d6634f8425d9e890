/** An address from the book, and its refusals in words a person can act on. Shell. */
import type {AddressBook, Allocation, AllocationRequest, Attachment} from '#ipam';
import type {CniContext} from './context.js';
import {CNI_CODE, CniError} from './error.js';

const FAMILY_NAME = {ipv4: 'IPv4', ipv6: 'IPv6'} as const;

/**
 * Durable when it resolves. When addresses have run out while links are being deleted, theirs are
 * waited for: a node that swaps all its pods at once must not fail.
 * @throws CniError 5 when the journal cannot be written, 7 when a requested address is not of this
 * node, 11 when there is none or it is in use.
 */
export async function allocate(
  {book, retirement}: Pick<CniContext, 'book' | 'retirement'>,
  request: AllocationRequest,
): Promise<Attachment> {
  let allocation = await ask(book, request);
  if (allocation.kind === 'exhausted' || allocation.kind === 'taken') {
    const leaving = retirement.everyoneGone();
    if (leaving !== undefined) {
      await leaving;
      allocation = await ask(book, request);
    }
  }
  if (allocation.kind === 'allocated' || allocation.kind === 'exists') return allocation.attachment;
  throw toRefusal(allocation, book);
}

async function ask(book: AddressBook, request: AllocationRequest): Promise<Allocation> {
  try {
    return await book.allocate(request);
  } catch (cause) {
    throw toJournalError(cause);
  }
}

export function toJournalError(cause: unknown): CniError {
  return new CniError(CNI_CODE.ioFailure, 'the address journal could not be written', {
    details: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}

type Refusal = Exclude<Allocation, {kind: 'allocated'} | {kind: 'exists'}>;

function toRefusal(refusal: Refusal, book: AddressBook): CniError {
  switch (refusal.kind) {
    case 'exhausted': {
      const family = FAMILY_NAME[refusal.family];
      const ranges = book.usage().filter(range => range.family === refusal.family);
      const held = ranges.map(({cidr, used}) => `${cidr} (${used} in use)`).join(', ');
      return new CniError(
        CNI_CODE.tryAgainLater,
        `no free ${family} address on this node: ${held}`,
        {
          details:
            refusal.reason ??
            'remove pods from the node, or give it a larger block or another Pool',
        },
      );
    }
    case 'taken':
      return new CniError(
        CNI_CODE.tryAgainLater,
        `address ${refusal.address} is in use by ${refusal.holder}`,
      );
    case 'outside': {
      const ranges = book.usage().map(({cidr}) => cidr);
      return new CniError(
        CNI_CODE.invalidConfig,
        `ips: ${refusal.address} is in no range of this node`,
        {details: `the node holds ${ranges.length === 0 ? 'none' : ranges.join(', ')}`},
      );
    }
    case 'no-range':
      return new CniError(
        CNI_CODE.tryAgainLater,
        `this node holds no ${FAMILY_NAME[refusal.family]} range yet`,
        {
          details:
            'is there a Pool with a free block that selects this node? See twillctl ipam show',
        },
      );
  }
}
