import test from 'ava';
import {ProblemList} from './problem-list.js';

test('the newest problem of a key is listed, in words, until it is settled', t => {
  const list = new ProblemList();
  list.add({what: 'an address could not be released', key: 'c/eth0', error: new Error('EIO')});
  list.add({what: 'a link could not be deleted', key: 'c/eth0', error: 'no Error'});
  list.add({what: 'the journal could not be written', error: new Error('ENOSPC')});
  t.deepEqual(list.list(), [
    {key: 'c/eth0', message: 'a link could not be deleted'},
    {key: 'cni', message: 'the journal could not be written: ENOSPC'},
  ]);
  list.settle('c/eth0');
  list.settle('never heard of');
  t.deepEqual(
    list.list().map(({key}) => key),
    ['cni'],
  );
});

test('a disk that breaks every pod fills the list up to a bound, oldest out first', t => {
  const list = new ProblemList();
  for (let n = 0; n < 150; n++) list.add({what: 'broken', key: `c${n}/eth0`, error: undefined});
  list.add({what: 'again', key: 'c60/eth0', error: undefined}); // is the newest now
  const keys = list.list().map(({key}) => key);
  t.is(keys.length, 100);
  t.is(keys[0], 'c50/eth0');
  t.is(keys.at(-1), 'c60/eth0');
});
