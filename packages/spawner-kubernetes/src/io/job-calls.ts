import {
  BatchV1Api,
  CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type KubeConfig,
} from '@kubernetes/client-node';
import { answerWithin } from '@shoal/supervisor';
import { secretOf, type JobManifest } from '../core/job.ts';
import { refusalOf, statusOf } from './api-error.ts';

/** The calls to the API that a spawner makes. Each rejects with an Error that says what was asked, what the cluster said, and the remedy. */
export class JobCalls {
  readonly batch: BatchV1Api;
  readonly core: CoreV1Api;
  readonly namespace: string;
  readonly #callMs: number;

  constructor(config: KubeConfig, namespace: string, callMs: number) {
    this.batch = config.makeApiClient(BatchV1Api);
    this.core = config.makeApiClient(CoreV1Api);
    this.namespace = namespace;
    this.#callMs = callMs;
  }

  /** The Job of that name and its uid; one that an earlier try has made is as good. */
  async create(job: JobManifest): Promise<string> {
    const { namespace } = this;
    const { name } = job.metadata;
    const what = `Job ${namespace}/${name} could not be created`;
    try {
      const { metadata } = await this.within(this.batch.createNamespacedJob({ namespace, body: job }));
      return metadata?.uid ?? '';
    } catch (error) {
      if (statusOf(error) !== 409) throw refusalOf(what, error);
    }
    const { metadata } = await this.ask(what, this.batch.readNamespacedJob({ name, namespace }));
    if (metadata?.deletionTimestamp !== undefined)
      throw new Error(`${what}: one of that name is being removed`);
    return metadata?.uid ?? '';
  }

  async createSecret(job: JobManifest, uid: string, variables: Record<string, string>): Promise<void> {
    const { namespace } = this;
    try {
      await this.within(this.core.createNamespacedSecret({ namespace, body: secretOf(job, uid, variables) }));
    } catch (error) {
      if (statusOf(error) !== 409)
        throw refusalOf(`Secret ${namespace}/${job.metadata.name} could not be created`, error);
    }
  }

  /** Lets a Job that was made suspended go. */
  async letGo(name: string): Promise<void> {
    const { namespace } = this;
    await this.ask(
      `Job ${namespace}/${name} could not be let go`,
      this.batch.patchNamespacedJob(
        { name, namespace, body: { spec: { suspend: false } } },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      ),
    );
  }

  /** With its Pod and its Secret. False: there was none. */
  async remove(name: string): Promise<boolean> {
    const { namespace } = this;
    try {
      await this.within(this.batch.deleteNamespacedJob({ name, namespace, propagationPolicy: 'Background' }));
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw refusalOf(`Job ${namespace}/${name} could not be removed`, error);
    }
  }

  async ask<T>(what: string, call: Promise<T>): Promise<T> {
    try {
      return await this.within(call);
    } catch (error) {
      throw refusalOf(what, error);
    }
  }

  within<T>(call: Promise<T>): Promise<T> {
    return answerWithin(call, this.#callMs, 'the Kubernetes API did not answer');
  }
}
