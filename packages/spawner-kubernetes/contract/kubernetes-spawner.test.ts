import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { V1Job, V1Secret } from '@kubernetes/client-node';
import { createBroker, type Broker } from '@shoal/broker';
import { bundleProgram } from '@shoal/bundle';
import { silentLogger } from '@shoal/mqtt-link';
import type { Spawner } from '@shoal/supervisor';
import { SPAWNER_CASES, stepOrder, type SpawnerPlace } from '@shoal/supervisor/testing';
import type { StepOrder } from '@shoal/workflow';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openKubernetesSpawner, type KubernetesSpawnerOptions } from '../src/index.ts';
import { serveCluster, type ServedCluster } from './served-cluster.ts';

/** Against a served API with real processes for Pods. What a cluster does: real-cluster.test.ts. */
describe('spawner: Kubernetes, over a served API', { timeout: 180_000 }, () => {
  let broker: Broker;
  let url: string;
  let program: string;
  let cluster: ServedCluster;
  let opened: Spawner[];

  beforeAll(async () => {
    broker = createBroker({ allowAnonymous: true });
    url = (await broker.start()).tcp?.url ?? '';
    program = await bundleProgram(new URL('./step-process.ts', import.meta.url));
  });
  beforeEach(async () => {
    opened = [];
    cluster = await serveCluster({ 'steps:1': program });
  });
  afterEach(async () => {
    for (const spawner of opened) await spawner.stop();
    await cluster.stop();
  });
  afterAll(async () => {
    await rm(dirname(program), { recursive: true });
    await broker.stop();
  });

  const open = async (more: Partial<KubernetesSpawnerOptions> = {}): Promise<Spawner> => {
    const spawner = await openKubernetesSpawner({
      url,
      owner: 'test',
      cluster: { server: cluster.url },
      namespace: 'agents',
      recipes: { work: { image: 'steps:1' }, hang: { image: 'stuck' }, absent: { image: 'none:1' } },
      ...more,
    });
    opened.push(spawner);
    return spawner;
  };

  const order = (more: Partial<StepOrder> = {}) => stepOrder({ sessionId: 's1', claimId: 'c1', ...more });
  const ended = (spawner: Spawner, one: StepOrder): Promise<boolean> =>
    new Promise((resolve, reject) => {
      spawner.spawn(one, { onExit: resolve }).catch(reject);
    });
  const nothingIsLeft = (): Promise<void> =>
    expect.poll(() => [cluster.jobs.size, cluster.pods.size, cluster.secrets.size]).toEqual([0, 0, 0]);

  test.each(SPAWNER_CASES)('$title', async ({ run }) => {
    const ran = run(url, async ({ maxRunning }: SpawnerPlace) => ({
      spawner: await open({ maxRunning }),
      kill: () => cluster.kill(),
    }));
    await expect(ran).resolves.toBeUndefined();
  });

  test('a Job has its limits, no rights to speak of and its labels; its secret is in a Secret of its own that goes with it', async () => {
    const spawner = await open({
      username: 'name',
      password: 'word',
      env: { LANG: 'C' },
      nodeLabels: { site: { label: 'topology.kubernetes.io/zone', values: ['north'] } },
    });
    const end = ended(spawner, order({ stepId: '-odd-', placement: { labels: { site: 'north' } } }));
    await expect.poll(() => cluster.created.length).toBe(2);
    const [job, secret] = cluster.created as [V1Job, V1Secret];
    expect(job.metadata).toMatchObject({
      labels: {
        'shoal.owner': 'test',
        'shoal.session': 's1',
        'shoal.step': expect.stringMatching(/^sha256-[0-9a-f]{32}$/) as string,
        'shoal.attempt': '1',
        'shoal.workflow': 'flow',
      },
      annotations: { 'shoal.step': '-odd-' },
    });
    expect(job.spec).toMatchObject({ backoffLimit: 0, ttlSecondsAfterFinished: 300 });
    expect(job.spec?.template.spec).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      nodeSelector: { 'topology.kubernetes.io/zone': 'north' },
      securityContext: { runAsNonRoot: true, runAsUser: 65_534, runAsGroup: 65_534 },
      containers: [
        {
          image: 'steps:1',
          env: [{ name: 'LANG', value: 'C' }],
          resources: {
            requests: { cpu: '500m', memory: '268435456' },
            limits: { cpu: '500m', memory: '268435456' },
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
    expect(JSON.stringify(job)).not.toContain('word');
    expect(secret.stringData).toMatchObject({ SHOAL_USERNAME: 'name', SHOAL_PASSWORD: 'word' });
    expect(secret.metadata?.ownerReferences?.[0]).toMatchObject({ kind: 'Job', name: job.metadata?.name });
    expect(await end).toBe(true);
    await nothingIsLeft();
  });

  test.each(['create jobs', 'create secrets', 'patch jobs'] as const)(
    'the answer to "%s" is lost: the start has failed and leaves nothing; the order given again runs',
    async (call) => {
      const spawner = await open();
      cluster.breakAfter(call);
      await expect(spawner.spawn(order())).rejects.toThrow(/could not be .*(socket hang up|ECONNRESET)/);
      expect(spawner.running).toBe(0);
      await nothingIsLeft();
      expect(await ended(spawner, order())).toBe(true);
      await nothingIsLeft();
    },
  );

  test('an order that is given again while what was left of its Job is being removed runs, with a Secret of its own', async () => {
    const spawner = await open();
    const hangs = ended(spawner, order({ blueprint: 'hang' }));
    await expect.poll(() => cluster.pods.size).toBe(1);
    for (const name of cluster.jobs.keys()) cluster.removeJob(name);
    expect(await hangs).toBe(false);
    // Gone between the two calls.
    cluster.refuse('create jobs', 409, 'already exists');
    const end = ended(spawner, order());
    await expect.poll(() => cluster.secrets.size).toBe(2);
    expect(await end).toBe(true);
    await nothingIsLeft();
  });

  test('a Job of that name is there already, as after a conflict: it is the one', async () => {
    const other = await open({ owner: 'test' });
    const end = ended(other, order({ blueprint: 'hang' }));
    await expect.poll(() => cluster.pods.size).toBe(1);
    const spawner = await open();
    expect(spawner.running).toBe(1);
    await spawner.spawn(order({ blueprint: 'hang' }));
    expect(cluster.jobs.size).toBe(1);
    expect(spawner.running).toBe(1);
    cluster.removePod();
    expect(await end).toBe(false);
  });

  test.each([
    ['its container was killed for its memory', { phase: 'Running', containerStatuses: [died('OOMKilled')] }],
    ['its Pod was evicted', { phase: 'Failed', reason: 'Evicted' }],
    ['its image cannot be had', { phase: 'Pending', containerStatuses: [waits('ImagePullBackOff')] }],
  ])('%s: it is told as died, and its Job is removed', async (_, status) => {
    const spawner = await open();
    const end = ended(spawner, order({ blueprint: 'hang' }));
    await expect.poll(() => cluster.pods.size).toBe(1);
    cluster.setPodStatus(status);
    expect(await end).toBe(false);
    await nothingIsLeft();
  });

  test('a node that is not heard is no evidence of death: its instance is told as lost, once', async () => {
    const spawner = await open();
    const told: string[] = [];
    await spawner.spawn(order({ blueprint: 'hang' }), {
      onLost: () => told.push('lost'),
      onExit: (clean) => told.push(`exit ${clean}`),
    });
    await expect.poll(() => cluster.pods.size).toBe(1);
    // As 1.35 tells it: the Pod is to go, and its Job is to fail once it has gone.
    cluster.setPodStatus({
      phase: 'Running',
      conditions: [isTrue('DisruptionTarget', 'DeletionByTaintManager')],
    });
    await expect.poll(() => told).toEqual(['lost']);
    cluster.setJobStatus({ conditions: [isTrue('FailureTarget', 'BackoffLimitExceeded')] });
    // As older ones do.
    cluster.setPodStatus({ phase: 'Unknown', reason: 'NodeLost' });
    await spawner.spawn(order({ attempt: 2, claimId: 'c2', blueprint: 'hang' }));
    expect([...cluster.jobs.values()].map(({ metadata }) => metadata?.labels?.['shoal.attempt'])).toEqual([
      '2',
    ]);
    await expect.poll(() => spawner.running).toBe(1);
    expect(told).toEqual(['lost']);
  });

  test('a Pod that no node takes is given up, with the reason of the cluster', async () => {
    const warned: unknown[] = [];
    const logger = { ...silentLogger, warn: (_: string, facts?: unknown) => void warned.push(facts) };
    const spawner = await open({ startMs: 2_000, logger });
    const end = ended(spawner, order({ blueprint: 'hang' }));
    await expect.poll(() => cluster.pods.size).toBe(1);
    const message = '0/1 nodes are available: 1 Insufficient cpu.';
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    cluster.setPodStatus({ phase: 'Pending', conditions: [condition] });
    expect(await end).toBe(false);
    expect(warned).toMatchObject([{ why: expect.stringContaining(`Unschedulable: ${message}`) as string }]);
    await nothingIsLeft();
  });

  test('a watch that breaks, and whose changes the cluster has forgotten, misses no end', async () => {
    const spawner = await open();
    const end = ended(spawner, order({ blueprint: 'hang' }));
    await expect.poll(() => cluster.pods.size).toBe(1);
    cluster.setPodStatus({ phase: 'Running' });
    cluster.removePod();
    cluster.forgetChanges();
    // Only the Job tells, and it is gone as well.
    for (const name of cluster.jobs.keys()) (cluster.jobs as Map<string, V1Job>).delete(name);
    expect(await end).toBe(false);
    expect(spawner.running).toBe(0);
  });

  test('what is told of an end and throws is logged, and the next end is heard', async () => {
    const warnings: unknown[] = [];
    const logger = {
      ...silentLogger,
      warn: (message: string, about?: object) => warnings.push([message, about]),
    };
    const spawner = await open({ logger });
    const threw = new Promise<void>((resolve) => {
      const onExit = (): never => {
        resolve();
        throw new Error('the listener is broken');
      };
      void spawner.spawn(order({ sessionId: 's1' }), { onExit });
    });
    await threw;
    await expect
      .poll(() => warnings)
      .toContainEqual([
        'the cluster cannot be watched',
        expect.objectContaining({ error: 'Error: the listener is broken' }),
      ]);
    expect(await ended(spawner, order({ sessionId: 's2' }))).toBe(true);
    expect(spawner.running).toBe(0);
    await nothingIsLeft();
  });

  test('a spawner that opens again counts what runs and removes it at its end; what nobody lets go, it removes', async () => {
    const before = await open({ startMs: 200 });
    cluster.refuse('patch jobs', 500, 'etcd leader changed');
    cluster.refuse('delete jobs', 500, 'etcd leader changed');
    await expect(before.spawn(order({ stepId: 'never' }))).rejects.toThrow('etcd leader changed (500)');
    expect(cluster.jobs.size).toBe(1);
    await before.spawn(order({ blueprint: 'hang' }));
    await before.stop();
    const after = await open({ startMs: 200 });
    expect(after.running).toBe(1);
    const stranger = await open({ owner: 'another' });
    expect(stranger.running).toBe(0);
    cluster.setPodStatus({ phase: 'Succeeded' });
    await expect.poll(() => after.running).toBe(0);
    await nothingIsLeft();
  });

  test('steps go to nodes with their labels; where none has them, there is no place', async () => {
    const spawner = await open({
      maxRunning: 3,
      nodeLabels: { site: { label: 'zone', values: ['north'] } },
    });
    expect(spawner.room?.({ labels: { site: 'north' }, weight: 2 })).toBe(6);
    expect(spawner.room?.({ labels: { site: 'south' } })).toBe('nowhere');
    expect(spawner.room?.({ labels: { colour: 'red' } })).toBe('nowhere');
    expect(spawner.room?.({ blueprint: 'other' })).toBe('nowhere');
    await expect(spawner.spawn(order({ placement: { labels: { site: 'south' } } }))).rejects.toThrow(
      'no node has the labels {"site":"south"}',
    );
  });

  test('what cannot be made is said with its remedy, and leaves nothing', async () => {
    const spawner = await open();
    await expect(spawner.spawn(order({ blueprint: 'other' }))).rejects.toThrow(
      'no recipe for blueprint "other"',
    );
    cluster.refuse('create jobs', 403, 'jobs.batch is forbidden: User "x" cannot create resource "jobs"');
    await expect(spawner.spawn(order())).rejects.toThrow(
      /Job agents\/shoal-\w+ could not be created: jobs.batch is forbidden.*\(403\).*Role in the README/,
    );
    cluster.refuse('create jobs', 403, 'exceeded quota: count/jobs.batch');
    await expect(spawner.spawn(order())).rejects.toThrow(/exceeded quota: count\/jobs.batch \(403\)$/);
    cluster.refuse('create secrets', 403, 'secrets is forbidden');
    await expect(spawner.spawn(order())).rejects.toThrow('Secret agents/shoal-');
    expect(spawner.running).toBe(0);
    await nothingIsLeft();
    await expect(open({ userId: 0 }).then((one) => one.spawn(order()))).rejects.toThrow('must not be root');
    await expect(open({ namespace: 'elsewhere' })).rejects.toThrow(
      'Jobs in namespace "elsewhere" could not be listed: the server could not find',
    );
    await expect(open({ cluster: { server: cluster.url, token: 'secret' } })).rejects.toThrow('as https:');
    await expect(open({ cluster: { server: 'http://127.0.0.1:1' } })).rejects.toThrow('ECONNREFUSED');
  });
});

function isTrue(type: string, reason: string) {
  return { type, status: 'True', reason };
}

function died(reason: string) {
  return containerIs({ terminated: { exitCode: 137, reason } });
}

function waits(reason: string) {
  return containerIs({ waiting: { reason } });
}

function containerIs(state: object) {
  return { name: 'agent', image: '', imageID: '', ready: false, restartCount: 0, state };
}
