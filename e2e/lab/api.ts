/** The daemon's local HTTP API, asked from inside its host. Shell. */
import type {Host} from './host.js';

/**
 * The body, whatever the status: busybox's wget would keep that of a 503 to itself.
 * @throws CommandError when nothing is answered within two seconds.
 */
export async function askDaemon(host: Host, path: string): Promise<string> {
  const signal = 'AbortSignal.timeout(2000)';
  const script = `fetch('http://127.0.0.1:9478${path}', {signal: ${signal}}).then(r => r.text()).then(console.log)`;
  return (await host.run([process.execPath, '-e', script])).stdout;
}

/** How often a verb was served, by CNI error code; '0' is success. */
export async function servedVerbs(
  host: Host,
  verb: string,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  const pattern = /^twill_cni_request_duration_seconds_count\{verb="(\w+)",code="(\d+)"\} (\d+)$/gm;
  for (const [, name, code = '', count] of (await askDaemon(host, '/metrics')).matchAll(pattern)) {
    if (name === verb) counts[code] = Number(count);
  }
  return counts;
}
