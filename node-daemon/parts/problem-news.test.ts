import test from 'ava';
import {ProblemNews} from './problem-news.js';

const key = {key: 'bgppeer/tor', message: 'spec.passwordFrom.file: there is no such file'};
const link = {key: 'bgppeer/up', message: 'spec.interface: nobody was heard on eth1 yet'};

test('a problem is told when it comes and when it is over, and not in between', t => {
  const news = new ProblemNews();
  t.deepEqual(news.look(0, []), {came: [], gone: []});
  t.deepEqual(news.look(1000, [key]), {came: [key], gone: []});
  for (let ms = 2000; ms < 1_000_000; ms += 2000) {
    t.deepEqual(news.look(ms, [{...key}]), {came: [], gone: []}, 'however long it lasts');
  }
  t.deepEqual(news.look(1_000_000, [link]), {came: [link], gone: [key]});
  t.deepEqual(news.look(1_001_000, []), {came: [], gone: [link]});
});

test('other words about the same thing are another problem, the same words twice are one', t => {
  const news = new ProblemNews();
  const empty = {...key, message: 'spec.passwordFrom.file: it is empty'};
  t.deepEqual(news.look(0, [key, key]), {came: [key], gone: []});
  t.deepEqual(news.look(1000, [empty]), {came: [empty], gone: [key]});
});

test('one that comes and goes is told once in a minute, and at its end as it is', t => {
  const news = new ProblemNews();
  let lines = 0;
  for (let ms = 0; ms < 600_000; ms += 1000) {
    const {came, gone} = news.look(ms, ms % 2000 === 0 ? [key] : []);
    lines += came.length + gone.length;
  }
  t.is(lines, 20);
  t.deepEqual(news.look(600_000, [key]), {came: [key], gone: []});
  t.deepEqual(news.look(601_000, []), {came: [], gone: [key]});
  t.deepEqual(news.look(602_000, [key]), {came: [], gone: []});
  t.deepEqual(news.look(660_000, [key]), {came: [key], gone: []}, 'it stayed');
});
