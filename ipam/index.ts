/** The ipam package: addresses, leased ranges, the local journal, and etcd. Imported as #ipam. */
export * from './address.js';
export * from './keys.js';
export * from './etcd/error.js';
export * from './etcd/store.js';
export {openEtcd, type EtcdOptions} from './etcd/client.js';
export * from './attachment.js';
export type {Range, RangeUsage} from './range.js';
export * from './journal/error.js';
export type {Recovery} from './journal/open.js';
export {AddressBook, type AddressBookOptions, type BookChange} from './address-book.js';
export * from './pool.js';
export {blockAt, blockCount, candidateBlocks, isBlockOf, ownAddress} from './block.js';
export {createLeaseRecord, parseLeaseRecord, type LeaseRecord} from './lease/record.js';
export type {LeaseView} from './lease/state.js';
export {parseNameQuestion, type NameQuestion} from './lease/name-question.js';
export {LeaseKeeper, type LeaseKeeperOptions, type OwnRecord} from './lease/keeper.js';
