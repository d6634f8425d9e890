/** The daemon's log: JSON lines on stdout, one per event that an operator would want. Shell. */
import {pino, type Logger} from 'pino';
import type {LogLevel} from './config/config.js';

export type {Logger} from 'pino';

export function createLogger(level: LogLevel, node: string): Logger {
  return pino({
    level,
    base: {node},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {level: label => ({level: label})},
  });
}
