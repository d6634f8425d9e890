/** What the daemon says about a Kubernetes that it could use and does not, yet. Pure. */
import type {Config} from './config.js';
import type {Environment} from './environment.js';

/** Undefined where nobody can be surprised: it was switched off, or there is none to be seen. */
export function kubernetesNotice(
  kubernetes: Config['kubernetes'],
  environment: Environment,
): string | undefined {
  const rest = 'is not used by this version: resources are read from etcd only (twillctl apply)';
  switch (kubernetes.kind) {
    case 'off':
      return undefined;
    case 'kubeconfig':
      return `kubernetes: ${kubernetes.file} ${rest}`;
    case 'auto': {
      const isInside = (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== ''; // kubelet sets it
      return isInside ? `the Kubernetes API of this cluster ${rest}` : undefined;
    }
    default:
      return kubernetes satisfies never;
  }
}
