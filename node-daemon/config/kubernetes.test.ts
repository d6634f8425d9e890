import test from 'ava';
import {kubernetesNotice} from './kubernetes.js';

const inside = {KUBERNETES_SERVICE_HOST: '10.96.0.1'};

test('a Kubernetes that could be used and is not is told of', t => {
  t.regex(kubernetesNotice({kind: 'auto'}, inside) ?? '', /^the Kubernetes API .* is not used/);
  const file = {kind: 'kubeconfig', file: '/root/.kube/config'} as const;
  t.regex(kubernetesNotice(file, {}) ?? '', /^kubernetes: \/root\/.kube\/config is not used/);
});

test('without one, or where it is switched off, there is nothing to say', t => {
  t.is(kubernetesNotice({kind: 'auto'}, {}), undefined);
  t.is(kubernetesNotice({kind: 'auto'}, {KUBERNETES_SERVICE_HOST: ''}), undefined);
  t.is(kubernetesNotice({kind: 'off'}, inside), undefined);
});
