/** The ipam package: addresses, leased ranges, the local journal, and etcd. Imported as #ipam. */
export * from './address.js';
export * from './keys.js';
export * from './etcd/error.js';
export * from './etcd/store.js';
export {openEtcd, type EtcdOptions} from './etcd/client.js';
