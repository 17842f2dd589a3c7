import {
  BatchV1Api,
  CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type KubeConfig,
  type V1Job,
} from '@kubernetes/client-node';
import { answerWithin } from '@shoal/supervisor';
import { secretOf, type JobMade, type JobManifest } from '../core/job.ts';
import { refusalOf, statusOf } from './api-error.ts';

/** Of a Job whose name is taken by one that is not there. */
const CREATE_TRIES = 3;

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

  /** The Job of that name; one that an earlier try has made is as good. */
  async create(job: JobManifest): Promise<{ readonly job: V1Job; readonly isNew: boolean }> {
    const { namespace } = this;
    const { name } = job.metadata;
    const what = `Job ${namespace}/${name} could not be created`;
    for (let tries = 1; ; tries += 1) {
      try {
        return {
          job: await this.within(this.batch.createNamespacedJob({ namespace, body: job })),
          isNew: true,
        };
      } catch (error) {
        if (statusOf(error) !== 409) throw refusalOf(what, error);
      }
      try {
        const found = await this.within(this.batch.readNamespacedJob({ name, namespace }));
        if (found.metadata?.deletionTimestamp === undefined) return { job: found, isNew: false };
      } catch (error) {
        // It was being removed, and is gone.
        if (statusOf(error) === 404 && tries < CREATE_TRIES) continue;
        throw refusalOf(what, error);
      }
      throw new Error(`${what}: one of that name is being removed`);
    }
  }

  /** The Secret of a Job that was made; one that an earlier try has made for it is as good. */
  async createSecret(job: JobManifest, made: JobMade, variables: Record<string, string>): Promise<void> {
    const { namespace } = this;
    try {
      await this.within(
        this.core.createNamespacedSecret({ namespace, body: secretOf(job, made, variables) }),
      );
    } catch (error) {
      if (statusOf(error) !== 409)
        throw refusalOf(`Secret ${namespace}/${made.secretName} could not be created`, error);
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
