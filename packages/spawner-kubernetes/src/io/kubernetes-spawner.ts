import { randomBytes } from 'node:crypto';
import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { silentLogger, type Logger } from '@shoal/mqtt-link';
import {
  orderVariables,
  type CredentialIssuer,
  type Needs,
  type Spawner,
  type SpawnHooks,
} from '@shoal/supervisor';
import type { Credentials, SpawnOrder } from '@shoal/workflow';
import { delayOf, evidenceOfJob, evidenceOfPod, type Evidence } from '../core/evidence.ts';
import { jobOf, nodeSelectorOf, recipeOf, type JobSettings } from '../core/job.ts';
import { attemptsOf, jobNameOf, LABELS, ownedBy } from '../core/labels.ts';
import { kubeConfigOf, namespaceOf, type KubernetesCluster } from './cluster.ts';
import { Follower } from './follow.ts';
import { JobCalls } from './job-calls.ts';

export interface KubernetesSpawnerOptions extends JobSettings, Credentials {
  /** Of the broker, as a Pod reaches it. */
  readonly url: string;
  readonly cluster?: KubernetesCluster;
  /** Default: that of the cluster's context, else `default`. */
  readonly namespace?: string;
  /** Gives each Pod a credential of its own. Default: `username` and `password` go to all of them. */
  readonly credentials?: CredentialIssuer;
  /** Jobs at once; one more is refused. Default 100. */
  readonly maxRunning?: number;
  /** Longest wait for one call to the API. Default 30 000. */
  readonly callMs?: number;
  /** A Job whose Pod has not started after so long is given up: no node has room for it, or its image cannot be had. Default 120 000. */
  readonly startMs?: number;
  readonly logger?: Logger;
}

interface Tracked {
  hooks: SpawnHooks;
  /** The cluster has it: that it is not found any more means that it is gone. */
  created: boolean;
  /** What the cluster calls this one of that name. Unset: not known yet. */
  uid: string | undefined;
  /** Its Pod runs, or did. */
  started: boolean;
  /** That its node is not heard was told. */
  lost: boolean;
  /** Why it has not started. */
  waitsFor: string;
  readonly sinceMs: number;
}

const NO_POD = 'it has no Pod, a quota or an admission policy may forbid it';

function newTracked(about: Pick<Tracked, 'hooks' | 'created' | 'uid'>): Tracked {
  return { ...about, started: false, lost: false, waitsFor: NO_POD, sinceMs: performance.now() };
}

const WATCH_SECONDS = 240;

/**
 * A Job of one Pod for each instance. They outlive this process; one that opens later with the same `owner` counts them, and removes
 * them when they end. Resolves when those are known; rejects when the cluster cannot be reached, or refuses.
 */
export async function openKubernetesSpawner(options: KubernetesSpawnerOptions): Promise<Spawner> {
  const spawner = new KubernetesSpawner(options);
  await spawner.open();
  return spawner;
}

class KubernetesSpawner implements Spawner {
  readonly capacity: number;
  readonly #options: KubernetesSpawnerOptions;
  readonly #calls: JobCalls;
  readonly #jobs: Follower<V1Job>;
  readonly #pods: Follower<V1Pod>;
  readonly #logger: Logger;
  readonly #startMs: number;
  /** By name of the Job. */
  readonly #running = new Map<string, Tracked>();
  /** Removed, or about to be, and still seen. */
  readonly #leaving = new Set<string>();
  /** Suspended Jobs that nobody here has made, and since when they are seen. */
  readonly #strays = new Map<string, number>();
  #knownBeforeList: ReadonlySet<string> = new Set();
  #sweeping: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: KubernetesSpawnerOptions) {
    const config = kubeConfigOf(options.cluster);
    const { namespace = namespaceOf(config), owner, callMs = 30_000, startMs = 120_000 } = options;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#startMs = startMs;
    this.capacity = options.maxRunning ?? 100;
    this.#calls = new JobCalls(config, namespace, callMs);
    const { batch, core } = this.#calls;
    const labelSelector = ownedBy(owner);
    const onFailure = (error: unknown): void =>
      this.#logger.warn('the cluster cannot be watched', { namespace, error: String(error) });
    const both = { config, labelSelector, onFailure, watchSeconds: WATCH_SECONDS };
    this.#jobs = new Follower<V1Job>({
      ...both,
      path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
      list: () =>
        this.#calls.ask(
          `Jobs in namespace "${namespace}" could not be listed`,
          batch.listNamespacedJob({ namespace, labelSelector }),
        ),
      onLists: () => (this.#knownBeforeList = this.#createdNames()),
      onListed: (jobs) => this.#listed(jobs),
      onChange: (job) => this.#onJob(job),
      onRemoved: ({ metadata }) => {
        if (this.#isSame(metadata?.name ?? '', metadata?.uid)) this.#onJobRemoved(metadata?.name ?? '');
      },
    });
    this.#pods = new Follower<V1Pod>({
      ...both,
      path: `/api/v1/namespaces/${namespace}/pods`,
      list: () =>
        this.#calls.ask(
          `Pods in namespace "${namespace}" could not be listed`,
          core.listNamespacedPod({ namespace, labelSelector }),
        ),
      onLists: () => undefined,
      onListed: (pods) => pods.forEach((pod) => this.#onPod(pod)),
      onChange: (pod) => this.#onPod(pod),
      onRemoved: (pod) => this.#onPod(pod, true),
    });
  }

  get running(): number {
    return this.#running.size;
  }

  async open(): Promise<void> {
    try {
      await this.#jobs.start();
      await this.#pods.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#sweeping = setInterval(() => this.#sweep(), Math.max(50, this.#startMs / 4));
    this.#sweeping.unref();
  }

  room(needs: Needs): number | 'nowhere' {
    const { blueprint, labels, weight = 1 } = needs;
    if (blueprint !== undefined && recipeOf(blueprint, this.#options) === undefined) return 'nowhere';
    if (nodeSelectorOf(labels, this.#options.nodeLabels) === undefined) return 'nowhere';
    return Math.max(0, this.capacity - this.#running.size) * weight;
  }

  async spawn(order: SpawnOrder, hooks: SpawnHooks = {}): Promise<void> {
    if (this.#stopped) throw new Error('the spawner is stopped');
    if (this.#running.size >= this.capacity) throw new Error(`${this.capacity} Jobs run already`);
    const name = jobNameOf(order);
    // A Secret goes a while after its Job: one that is made again under the same name must not take the old one for its own.
    const job = jobOf(order, this.#options, `${name}-${randomBytes(4).toString('hex')}`);
    const known = this.#running.get(name);
    const tracked = known ?? newTracked({ hooks, created: false, uid: undefined });
    tracked.hooks = hooks;
    tracked.lost = false;
    this.#running.set(name, tracked);
    try {
      const variables = await orderVariables(this.#options, order);
      await this.#removePredecessors(order);
      const { job: made, isNew } = await this.#calls.create(job);
      const uid = made.metadata?.uid ?? '';
      this.#leaving.delete(name);
      Object.assign(tracked, { created: true, uid });
      const secretName = made.spec?.template.spec?.containers[0]?.envFrom?.[0]?.secretRef?.name ?? name;
      await this.#calls.createSecret(job, { uid, secretName }, variables);
      await this.#calls.letGo(name);
      if (!isNew) this.#onJob(made);
    } catch (error) {
      if (known === undefined) {
        this.#running.delete(name);
        this.#remove(name);
      }
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#sweeping);
    this.#jobs.stop();
    this.#pods.stop();
    return Promise.resolve();
  }

  /** Another attempt was claimed: the ones before are fenced, and one that never got going would stay. */
  async #removePredecessors(order: SpawnOrder): Promise<void> {
    if (order.attempt === 1) return;
    const { namespace, batch } = this.#calls;
    const { items } = await this.#calls.ask(
      'the Jobs of earlier attempts could not be listed',
      batch.listNamespacedJob({ namespace, labelSelector: attemptsOf(order, this.#options.owner) }),
    );
    for (const { metadata } of items) {
      if (Number(metadata?.labels?.[LABELS.attempt]) >= order.attempt) continue;
      await this.#calls.remove(metadata?.name ?? '');
    }
  }

  #createdNames(): ReadonlySet<string> {
    return new Set([...this.#running].flatMap(([name, { created }]) => (created ? [name] : [])));
  }

  #listed(jobs: readonly V1Job[]): void {
    const names = new Set(jobs.map(({ metadata }) => metadata?.name ?? ''));
    for (const name of this.#knownBeforeList) if (!names.has(name)) this.#onJobRemoved(name);
    for (const name of this.#leaving) if (!names.has(name)) this.#leaving.delete(name);
    for (const name of this.#strays.keys()) if (!names.has(name)) this.#strays.delete(name);
    for (const job of jobs) this.#onJob(job);
  }

  #onJob(job: V1Job): void {
    const name = job.metadata?.name ?? '';
    const uid = job.metadata?.uid;
    if (this.#leaving.has(name) || !this.#isSame(name, uid)) return;
    const evidence = evidenceOfJob(job);
    if (this.#running.has(name)) return this.#take(name, evidence);
    if (evidence.state === 'running') {
      // Of an earlier life of this spawner, or one whose start was answered with silence.
      this.#strays.delete(name);
      this.#running.set(name, newTracked({ hooks: {}, created: true, uid }));
    } else if (evidence.state !== 'waiting') this.#remove(name);
    else if (!this.#strays.has(name)) this.#strays.set(name, performance.now());
  }

  #onJobRemoved(name: string): void {
    this.#leaving.delete(name);
    this.#strays.delete(name);
    this.#ended(name, { state: 'died', why: 'its Job was removed' });
  }

  #onPod(pod: V1Pod, removed = false): void {
    const name = pod.metadata?.labels?.['batch.kubernetes.io/job-name'] ?? pod.metadata?.labels?.['job-name'];
    if (name === undefined || !this.#isSame(name, pod.metadata?.ownerReferences?.[0]?.uid)) return;
    const evidence = evidenceOfPod(pod);
    const tracked = this.#running.get(name);
    if (tracked !== undefined) {
      tracked.waitsFor = delayOf(pod);
      if (evidence.state !== 'waiting') tracked.started = true;
    }
    const isOver = evidence.state === 'clean' || evidence.state === 'died';
    this.#take(name, removed && !isOver ? { state: 'died', why: 'its Pod was removed' } : evidence);
  }

  /** A name may come again; what is told of the Job before is none of this one's, which may be about to be created. */
  #isSame(name: string, uid: string | undefined): boolean {
    const known = this.#running.get(name);
    if (known?.created === false) return false;
    return known?.uid === undefined || uid === undefined || known.uid === uid;
  }

  #take(name: string, evidence: Evidence): void {
    const tracked = this.#running.get(name);
    if (tracked === undefined) return;
    if (evidence.state === 'clean' || evidence.state === 'died') {
      this.#remove(name);
      this.#ended(name, evidence);
    } else if (evidence.state === 'lost' && !tracked.lost) {
      tracked.lost = true;
      this.#logger.warn('nobody can say whether an instance lives', { job: name, why: evidence.why });
      const { hooks } = tracked;
      tracked.hooks = {};
      if (!this.#stopped) hooks.onLost?.();
    }
  }

  #ended(name: string, evidence: Evidence): void {
    const tracked = this.#running.get(name);
    if (tracked === undefined) return;
    this.#running.delete(name);
    if ('why' in evidence) this.#logger.warn('an instance died', { job: name, why: evidence.why });
    if (!this.#stopped) tracked.hooks.onExit?.(evidence.state === 'clean');
  }

  /** In the background. One that stays is found again by the next list, and removed by Kubernetes some time after its end. */
  #remove(name: string): void {
    this.#leaving.add(name);
    this.#strays.delete(name);
    this.#calls
      .remove(name)
      .then((found) => found || this.#leaving.delete(name))
      .catch((error: unknown) => {
        this.#leaving.delete(name);
        this.#logger.warn('a Job could not be removed', { job: name, error: String(error) });
      });
  }

  #sweep(): void {
    const before = performance.now() - this.#startMs;
    for (const [name, { started, created, waitsFor, sinceMs }] of this.#running) {
      if (started || !created || sinceMs > before) continue;
      this.#remove(name);
      this.#ended(name, { state: 'died', why: `it has not started within ${this.#startMs} ms: ${waitsFor}` });
    }
    for (const [name, sinceMs] of this.#strays) if (sinceMs <= before) this.#remove(name);
  }
}
