import {binding} from './binding.js';

/** Milliseconds on CLOCK_BOOTTIME: runs on while the machine sleeps, and nobody can set it. */
export function boottimeMs(): number {
  return binding.boottimeMs();
}
