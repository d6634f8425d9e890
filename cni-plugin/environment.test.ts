import test from 'ava';
import fc from 'fast-check';
import {parseArgs, parseEnvironment} from './environment.js';
import {CniError} from './error.js';
import {frameOf} from './test-node.js';

test("Kubernetes' arguments are read, unknown ones are ignored on request", t => {
  const args = parseArgs(
    'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-1;K8S_POD_INFRA_CONTAINER_ID=ab12;' +
      'K8S_POD_UID=7f1c;FOO=bar;IP=10.1.2.3,fd00::3;MAC=02:00:00:00:00:01',
  );
  t.deepEqual(args, {
    namespace: 'default',
    name: 'web-1',
    uid: '7f1c',
    infraContainerId: 'ab12',
    ips: ['10.1.2.3', 'fd00::3'],
    mac: '02:00:00:00:00:01',
  });
});

const BAD_ARGS: readonly (readonly [string, RegExp])[] = [
  ['FOO=bar', /unknown key FOO/],
  ['IgnoreUnknown=0;FOO=bar', /unknown key FOO/],
  ['FOO', /KEY=VALUE/],
  ['=x', /KEY=VALUE/],
  ['K8S_POD_NAME=../../x', /K8S_POD_NAME/],
  ['K8S_POD_NAMESPACE=a b', /K8S_POD_NAMESPACE/],
  [`K8S_POD_NAME=${'x'.repeat(254)}`, /K8S_POD_NAME/],
  ['A=\n', /CNI_ARGS/],
  ['A'.repeat(9000), /CNI_ARGS/],
];

for (const [text, message] of BAD_ARGS) {
  test(`CNI_ARGS ${JSON.stringify(text.slice(0, 30))} is refused with code 4`, t => {
    const error = t.throws(() => parseArgs(text), {instanceOf: CniError});
    t.is(error.code, 4);
    t.regex(error.message, message);
  });
}

const BAD_NAMES: readonly (readonly ['containerId' | 'ifName' | 'netnsPath', string, RegExp])[] = [
  ['containerId', '', /CNI_CONTAINERID is missing/],
  ['containerId', '../../x', /CNI_CONTAINERID/],
  ['containerId', 'a/b', /CNI_CONTAINERID/],
  ['containerId', 'a\0b', /CNI_CONTAINERID/],
  ['containerId', 'a\n', /CNI_CONTAINERID/],
  ['containerId', '-a', /CNI_CONTAINERID/],
  ['containerId', 'x'.repeat(201), /CNI_CONTAINERID/],
  ['ifName', '', /CNI_IFNAME is missing/],
  ['ifName', 'a'.repeat(16), /CNI_IFNAME/],
  ['ifName', 'a/b', /CNI_IFNAME/],
  ['ifName', 'a:b', /CNI_IFNAME/],
  ['ifName', 'a b', /CNI_IFNAME/],
  ['ifName', '..', /CNI_IFNAME/],
  ['ifName', 'eth%d', /CNI_IFNAME/],
  ['ifName', 'é', /CNI_IFNAME/],
  ['netnsPath', '/run/\0', /CNI_NETNS/],
  ['netnsPath', `/${'x'.repeat(4096)}`, /CNI_NETNS/],
];

for (const [field, value, message] of BAD_NAMES) {
  test(`${field} ${JSON.stringify(value.slice(0, 20))} (${value.length}) is refused with code 4`, t => {
    const error = t.throws(() => parseEnvironment(frameOf({[field]: value}), 'ADD'), {
      instanceOf: CniError,
    });
    t.is(error.code, 4);
    t.regex(error.message, message);
  });
}

test('a DEL is not stopped by arguments that an ADD would refuse', t => {
  t.notThrows(() => parseEnvironment(frameOf({args: 'FOO'}), 'DEL'));
});

test('any text is read or refused with code 4', t => {
  const text = fc.string({unit: 'binary', maxLength: 60});
  t.notThrows(() =>
    fc.assert(
      fc.property(text, text, text, text, (containerId, ifName, netnsPath, args) => {
        try {
          parseEnvironment(frameOf({containerId, ifName, netnsPath, args}), 'ADD');
        } catch (error) {
          t.is((error as CniError).code, 4);
        }
      }),
    ),
  );
});
