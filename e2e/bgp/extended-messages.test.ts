/*
 *   twill 65001 ---- BIRD 65002
 *
 * Claim (RFC 8654): with longer messages at both ends a table takes fewer UPDATEs than without, and is all
 * there. Control: towards one that did not offer it none is longer than 4096 octets.
 */
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {programs, startPair} from './lab/pair.js';

const many = Array.from({length: 8000}, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);

labTest(
  'bird takes 8,000 prefixes in long messages, and in short ones where it did not offer them',
  async t => {
    const sessions = [{extendedMessages: true}, {twill: {extendedMessages: true}}];
    const {twill, router, theirs} = await startPair(t, {
      ...{kind: 'bird', sessions},
      twill: {announces: many},
    });
    const isThere = async () => {
      const counts = [...(await router.ask('show protocols all')).matchAll(/ (\d+) imported/g)];
      return counts.filter(([, count]) => Number(count) === many.length).length === 2;
    };
    await eventually(isThere, {withinMs: 30_000, everyMs: 200, what: 'all of them twice'});
    const [long = 0, short = 0] = await Promise.all(
      theirs.map(async address => (await twill.peer(address)).sent.update),
    );
    t.log(`${long} long UPDATEs, ${short} short ones`);
    t.true(long * 2 < short);
  },
  {programs: programs.bird},
);
