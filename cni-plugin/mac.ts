/** MAC addresses: text at the CNI edge, six octets towards the kernel. Pure. */

/** 'aa:bb:cc:dd:ee:ff' in lower case; undefined unless it is a unicast address and not zero. */
export function parseMac(text: string): string | undefined {
  const match = /^([0-9a-f]{2})([:-])[0-9a-f]{2}(\2[0-9a-f]{2}){4}$/i.exec(text);
  if (match === null) return undefined;
  const mac = text.toLowerCase().replaceAll('-', ':');
  const isGroup = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
  return isGroup || mac === '00:00:00:00:00:00' ? undefined : mac;
}

/** The six octets of a MAC that parseMac or formatMac made. */
export function toMacOctets(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), octet => Number.parseInt(octet, 16));
}

export function formatMac(octets: Uint8Array): string {
  return Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join(':');
}
