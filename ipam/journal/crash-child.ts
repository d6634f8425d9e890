import {writeSync} from 'node:fs';
import {AddressBook} from '../address-book.js';

/**
 * A process that is made to be killed: it allocates and releases without end and says on stdout what it
 * was told, before it goes on. Tests only (crash.test.ts).
 *
 *   + c7 10.0.0.8    c7 was given the address
 *   - c7             a release of c7 is about to be asked for
 *   ! EIO            a request was refused
 */
const [dir = '', rounds = '1000000'] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const book = await AddressBook.open({dir, bootId: 'boot', now: () => 'now'});
book.setRanges([{cidr: '10.0.0.0/27', family: 'ipv4', pool: 'p'}]);
for (const {containerId, addresses} of book.list()) say(`+ ${containerId} ${addresses.join()}`);

for (let round = 0; round < Number(rounds); round++) {
  await Promise.all(Array.from({length: 8}, (_, n) => live(`c${round}-${n}`)));
  const old = book.list().filter((_, n) => n % 3 !== 0);
  await Promise.all(old.map(({containerId}) => die(containerId)));
}
await book.close();

async function live(containerId: string): Promise<void> {
  const attachment = {
    ...{containerId, ifName: 'eth0', network: 'twill', hostInterface: 'twl'},
    ...{mac: '02:00:00:00:00:01', netns: '4:1'},
  };
  await attempt(async () => {
    const result = await book.allocate({attachment, families: ['ipv4']});
    if (result.kind === 'allocated') say(`+ ${containerId} ${result.attachment.addresses.join()}`);
  });
}

async function die(containerId: string): Promise<void> {
  say(`- ${containerId}`);
  await attempt(() => book.release(containerId, 'eth0'));
}

async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    say(`! ${(error as {errno?: string}).errno}`);
  }
}
