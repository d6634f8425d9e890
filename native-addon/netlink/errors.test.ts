import test from 'ava';

import {errnoName, NetlinkError} from './errors.js';

const named = test.macro((t, errno: number, code: string, retry: string) => {
  const error = new NetlinkError('add route', errno);
  t.like(error, {code, errno, retry, op: 'add route', message: `add route: ${code}`});
});

test('EEXIST is for ever', named, 17, 'EEXIST', 'never');
test('EINVAL is for ever', named, 22, 'EINVAL', 'never');
test('ENODEV may pass', named, 19, 'ENODEV', 'backoff');
test('ESRCH may pass', named, 3, 'ESRCH', 'backoff');
test('EAGAIN is not called EWOULDBLOCK', named, 11, 'EAGAIN', 'backoff');
test('EOPNOTSUPP is not called ENOTSUP', named, 95, 'EOPNOTSUPP', 'never');
test('ENOBUFS asks for a resync', named, 105, 'ENOBUFS', 'resync');
test('EINTR asks for a resync', named, 4, 'EINTR', 'resync');

test('an errno without a name still has one', t => {
  t.is(errnoName(524), 'ENOTSUPP');
  t.is(errnoName(999), 'E999');
});
