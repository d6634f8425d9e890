import test from 'ava';
import {Signal} from './signal.js';

test('news reach all who asked, in the order in which they asked, before emit returns', t => {
  const signal = new Signal<number>();
  const heard: string[] = [];
  signal.on(news => heard.push(`a${news}`));
  signal.on(news => heard.push(`b${news}`));
  signal.emit(1);
  signal.emit(2);
  t.deepEqual(heard, ['a1', 'b1', 'a2', 'b2']);
});

test('nobody has to listen', t => {
  t.notThrows(() => new Signal<void>().emit());
});
