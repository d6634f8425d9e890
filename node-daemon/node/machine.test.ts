import test from 'ava';
import {readMachine, toMachine} from './machine.js';

const id = '3d1219c7c4c5404aaa1f6d2a48adfda4';
const product = '4C4C4544-0051-3510-8052-B4C04F4E4D32';

test('a machine is known by hashes, the same whatever the case and the line end', t => {
  const known = toMachine({id: `${id}\n`, product: `${product}\n`});
  t.deepEqual(known, toMachine({id, product: product.toLowerCase()}));
  t.regex(known.id ?? '', /^[0-9a-f]{32}$/);
  t.regex(known.product ?? '', /^[0-9a-f]{32}$/);
  t.false(JSON.stringify(known).includes(id));
  t.notDeepEqual(known, toMachine({id: id.replace('3', '4'), product}));
});

for (const [title, texts] of Object.entries({
  'an empty file': {id: '', product: ''},
  'a first boot': {id: 'uninitialized\n', product: 'Not Settable\n'},
  zeros: {product: '00000000-0000-0000-0000-000000000000'},
  ones: {product: 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'},
  "a mainboard's example": {product: '03000200-0400-0500-0006-000700080009'},
})) {
  test(`what names no machine is left out: ${title}`, t => t.deepEqual(toMachine(texts), {}));
}

test('files that are not there are no error', async t => {
  t.deepEqual(await readMachine({id: '/nowhere/id', product: '/nowhere/uuid'}), {});
});
