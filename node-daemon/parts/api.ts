/** The daemon as it is seen over HTTP: health, metrics, status, and what parts answer themselves. Shell. */
import {boottimeMs} from '#native-addon';
import type {BgpOverview} from '../bgp/api.js';
import {podMtu} from '../cni/node-view.js';
import {systemClock} from '../datastore/clock.js';
import type {Reflector} from '../datastore/reflector.js';
import {judgeLiveness, type LivenessView} from '../http/liveness.js';
import type {MetricsSample} from '../http/metrics.js';
import {toNodeStatus, toRanges} from '../http/node-status.js';
import type {BgpAnswers} from '../http/bgp.js';
import {createHttpServer, type HttpServer} from '../http/server.js';
import type {NodeStatus, StatusProblem, Verdict} from '../http/status.js';
import type {NodeLease} from '../lease/node-lease.js';
import type {Context} from './context.js';
import type {Part} from './part.js';
import type {Readiness} from './readiness.js';
import type {SettingsPart} from './settings.js';

export interface ApiNeeds {
  readonly lease: NodeLease;
  readonly reflector: Reflector;
  readonly settings: SettingsPart;
  readonly readiness: Readiness;
  readonly cniLife: () => LivenessView['cni'];
  readonly bgp: BgpAnswers;
  /** All parts that are shown. */
  readonly parts: readonly Part[];
}

export function createApi(context: Context, needs: ApiNeeds): Part {
  const {book, config, log, metrics, uid} = context;
  const since = {iso: new Date().toISOString(), ms: systemClock.nowMs()};
  let server: HttpServer | undefined;
  return {
    async start() {
      server = await createHttpServer({
        listen: config.http,
        routes: {
          status: async () => statusOf(context, needs, since.iso, await needs.bgp.overview()),
          healthy: () => livenessOf(context, needs, since.ms),
          ready: () => needs.readiness.verdict(),
          metrics: async () =>
            metrics.render({...sampleOf(context, needs), bgp: await needs.bgp.overview()}),
          bgp: needs.bgp,
          answers: new Map(needs.parts.flatMap(({answers}) => [...(answers ?? [])])),
        },
        onError: error => log.error({err: error}, 'http request failed'),
      });
      log.info({recovery: book.recovery, http: server.url, uid}, 'starting');
    },
    stop: () => server?.close(),
  };
}

function statusOf(
  context: Context,
  needs: ApiNeeds,
  since: string,
  bgp: BgpOverview | undefined,
): NodeStatus {
  const {book, core, version} = context;
  const {lease, reflector, readiness, settings} = needs;
  const started = Date.now() - systemClock.nowMs();
  const booted = Date.now() - boottimeMs();
  const state = core.state();
  return toNodeStatus({
    ...{state, version, since, bgp},
    health: core.health(),
    lease: lease.view(),
    usage: book.usage(),
    reflector: reflector.status(),
    settings: settings.health(),
    problems: problemsOf(needs),
    attachments: book.list().length,
    isReady: readiness.isReady(),
    now: new Date().toISOString(),
    podMtu: podMtu(state),
    toTime: {
      clock: ms => new Date(started + ms).toISOString(),
      boottime: ms => new Date(booted + ms).toISOString(),
    },
  });
}

function livenessOf(
  {config, core}: Context,
  {cniLife, parts}: ApiNeeds,
  startedAtMs: number,
): Verdict {
  return judgeLiveness({
    cni: cniLife(),
    lastPassAtMs: core.health().lastPassAtMs,
    startedAtMs,
    nowMs: systemClock.nowMs(),
    resyncMs: config.resyncIntervalMs,
    deaths: parts.flatMap(part => part.death?.() ?? []),
  });
}

function sampleOf({book, core}: Context, needs: ApiNeeds): MetricsSample {
  const {lease, reflector, readiness} = needs;
  const {connected, lists} = reflector.status();
  return {
    ready: readiness.isReady(),
    leaseState: lease.view().state,
    ranges: toRanges(book.usage()),
    attachments: book.list().length,
    peers: core.state().nodes.size,
    problems: core.health().problems.size + problemsOf(needs).length,
    etcdConnected: connected,
    etcdResyncs: lists,
  };
}

function problemsOf({parts}: ApiNeeds): readonly StatusProblem[] {
  return parts.flatMap(part => part.problems?.() ?? []);
}
