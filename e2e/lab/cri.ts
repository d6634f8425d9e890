/** A client of the Container Runtime Interface, the way kubelet uses it. Shell. */
import {type ChannelCredentials, credentials, loadPackageDefinition} from '@grpc/grpc-js';
import {loadSync} from '@grpc/proto-loader';

import {fromRoot} from './programs.js';

export interface SandboxConfig {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly attempt?: number;
  };
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly portMappings?: readonly {protocol: number; containerPort: number; hostPort: number}[];
  readonly linux: {readonly cgroupParent: string};
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Unary = (
  request: object,
  options: {deadline: number},
  done: (error: Error | null, reply: Record<string, unknown>) => void,
) => void;
type Service = {readonly close: () => void} & Readonly<Record<string, Unary>>;
type ServiceClass = new (
  target: string,
  credentials: ChannelCredentials,
  options: object,
) => Service;

export class CriClient {
  readonly #service: Service;

  /** Connects lazily. `socket`: the runtime's Unix socket as seen from the test. */
  constructor(socket: string) {
    const definition = loadSync(fromRoot('e2e/lab/cri.proto'), {longs: Number});
    const {runtime} = loadPackageDefinition(definition) as unknown as {
      runtime: {v1: {RuntimeService: ServiceClass}};
    };
    // containerd refuses the path of the socket as the authority that grpc-js would send
    const options = {'grpc.default_authority': 'localhost'};
    this.#service = new runtime.v1.RuntimeService(
      `unix:${socket}`,
      credentials.createInsecure(),
      options,
    );
  }

  /** The conditions that do not hold; kubelet waits for RuntimeReady and NetworkReady. */
  async unmetConditions(): Promise<readonly string[]> {
    const {status} = (await this.#call('Status', {})) as {
      status: {conditions: {type: string; status?: boolean; message?: string}[]};
    };
    const unmet = status.conditions.filter(condition => !condition.status);
    return unmet.map(({type, message}) => `${type}: ${message ?? ''}`);
  }

  async runPodSandbox(config: SandboxConfig): Promise<string> {
    const {podSandboxId} = await this.#call('RunPodSandbox', {config});
    return podSandboxId as string;
  }

  async podAddresses(podSandboxId: string): Promise<readonly string[]> {
    const {status} = (await this.#call('PodSandboxStatus', {podSandboxId})) as {
      status: {network?: {ip: string; additionalIps?: {ip: string}[]}};
    };
    const {ip = '', additionalIps = []} = status.network ?? {};
    return [ip, ...additionalIps.map(additional => additional.ip)].filter(Boolean);
  }

  async stopPodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('StopPodSandbox', {podSandboxId});
  }

  async removePodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('RemovePodSandbox', {podSandboxId});
  }

  /** Creates and starts it. */
  async runContainer(
    podSandboxId: string,
    sandboxConfig: SandboxConfig,
    config: {name: string; image: string; command: readonly string[]},
  ): Promise<string> {
    const {name, image, command} = config;
    const {containerId} = await this.#call('CreateContainer', {
      podSandboxId,
      sandboxConfig,
      config: {metadata: {name}, image: {image}, command, logPath: `${name}.log`},
    });
    await this.#call('StartContainer', {containerId});
    return containerId as string;
  }

  async exec(
    containerId: string,
    cmd: readonly string[],
    timeoutSeconds = 60,
  ): Promise<ExecResult> {
    const request = {containerId, cmd, timeout: timeoutSeconds};
    const reply = await this.#call('ExecSync', request, (timeoutSeconds + 5) * 1000);
    const text = (value: unknown) =>
      Buffer.from((value as Uint8Array | undefined) ?? []).toString();
    const exitCode = (reply['exitCode'] as number | undefined) ?? 0;
    return {exitCode, stdout: text(reply['stdout']), stderr: text(reply['stderr'])};
  }

  close(): void {
    this.#service.close();
  }

  #call(method: string, request: object, withinMs = 60_000): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + withinMs;
      this.#service[method]?.(request, {deadline}, (error, reply) => {
        if (error) reject(new Error(`${method}: ${error.message}`, {cause: error}));
        else resolve(reply);
      });
    });
  }
}
