/**
 * Reads the configuration file of this host. Shell.
 */
import {readFile} from 'node:fs/promises';
import {hostname} from 'node:os';
import {parseConfig, type Config} from './config.js';
import type {Environment} from './environment.js';
import {ConfigError} from './error.js';

/** @throws ConfigError also when the file cannot be read. Without a file all of it is defaults and environment. */
export async function readConfig(file: string | undefined, env: Environment): Promise<Config> {
  const text = file === undefined ? '' : await readText(file);
  return parseConfig({text, file: file ?? 'configuration', env, hostname: hostname()});
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ConfigError(file, [{field: '', message}], {cause: error});
  }
}
