/** From the configuration's etcd section to what a client needs. Shell: reads the named files. */
import {readFile} from 'node:fs/promises';
import type {EtcdOptions} from '#ipam';
import type {EtcdConfig} from './config/config.js';
import {ConfigError} from './config/error.js';

/** @throws ConfigError which names the key and the file that cannot be read. */
export async function readEtcdOptions(config: EtcdConfig): Promise<EtcdOptions> {
  const {endpoints, username} = config;
  const ca = await read('caFile', config.caFile);
  const cert = await read('certFile', config.certFile);
  const key = await read('keyFile', config.keyFile);
  const password = await read('passwordFile', config.passwordFile);
  const hasTls = ca !== undefined || cert !== undefined;
  return {
    endpoints,
    ...(hasTls && {tls: {...(ca && {ca}), ...(cert && {cert}), ...(key && {key})}}),
    ...(username !== undefined &&
      password !== undefined && {auth: {username, password: password.toString('utf8').trim()}}),
  };
}

async function read(field: string, file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ConfigError(file, [{field: `etcd.${field}`, message}], {cause: error});
  }
}
