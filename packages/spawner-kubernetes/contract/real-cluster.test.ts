import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createBroker, type Broker } from '@shoal/broker';
import { bundleProgram } from '@shoal/bundle';
import { silentLogger } from '@shoal/mqtt-link';
import type { Spawner } from '@shoal/supervisor';
import { looksAtItself, SPAWNER_CASES, stepOrder, type SpawnerPlace } from '@shoal/supervisor/testing';
import type { StepOrder } from '@shoal/workflow';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openKubernetesSpawner, type KubernetesSpawnerOptions } from '../src/index.ts';
import { findCluster, serveProgram, type RealCluster } from './real-cluster.ts';

const found = await findCluster();
const missing = 'missing' in found ? found.missing : undefined;
const cluster = found as RealCluster;
const { core, batch, namespace, node, host } = cluster;
if (missing !== undefined) console.log(`no Kubernetes cluster to run Jobs on: ${missing}`);

/** What a container finds about itself; it ends cleanly when all of it is as it should be. */
const LOOKS_AT_ITSELF = looksAtItself(
  {
    user: 'process.getuid() === 12345',
    group: 'process.getgid() === 12345 && !process.getgroups().includes(0)',
    calls: String.raw`/Seccomp:\s2/.test(status)`,
    account: `!fs.existsSync('/var/run/secrets/kubernetes.io')`,
    secret: `process.env.SHOAL_PASSWORD === 'secret' + '-word' && process.env.LANG === 'C'`,
  },
  `fs.writeFileSync('/dev/termination-log', wrong);`,
);
const SLEEPS = 'setTimeout(() => {}, 120_000)';
const EATS = 'const eaten = []; for (;;) eaten.push(Buffer.alloc(8_000_000, 1))';

describe.skipIf(missing !== undefined)('spawner: Kubernetes, on a real cluster', { timeout: 180_000 }, () => {
  let broker: Broker;
  let url: string;
  let file: string;
  let program: Awaited<ReturnType<typeof serveProgram>>;
  /** Of each test, so that none counts what another left. */
  let owner: string;
  const spawners: Spawner[] = [];

  beforeAll(async () => {
    file = await bundleProgram(new URL('./step-process.ts', import.meta.url));
    program = await serveProgram(host, file);
    broker = createBroker({ allowAnonymous: true, listen: { tcp: { host } } });
    url = (await broker.start()).tcp?.url ?? '';
  }, 60_000);
  beforeEach(() => {
    owner = `test-${randomUUID()}`;
  });
  afterEach(async () => {
    for (const spawner of spawners.splice(0)) await spawner.stop();
    await batch.deleteCollectionNamespacedJob({ namespace, propagationPolicy: 'Background' });
  });
  afterAll(async () => {
    await broker.stop();
    await program.close();
    await cluster.close();
    await rm(dirname(file), { recursive: true });
  });

  const open = async (more: Partial<KubernetesSpawnerOptions> = {}): Promise<Spawner> => {
    const spawner = await openKubernetesSpawner({
      url,
      owner,
      namespace,
      cluster: cluster.spawner,
      recipes: {
        work: { ...node(...program.args), requestedCpus: 0.05, cpus: 1 },
        sleeps: { ...node('-e', SLEEPS), requestedCpus: 0.05 },
        ends: { ...node('-e', ''), requestedCpus: 0.05 },
        fails: { ...node('-e', 'process.exit(1)'), requestedCpus: 0.05 },
        eats: { ...node('-e', EATS), memoryBytes: 67_108_864, requestedCpus: 0.05 },
        looks: { ...node('-e', LOOKS_AT_ITSELF), memoryBytes: 67_108_864, cpus: 0.25 },
        absent: { image: 'localhost:1/none:1' },
        nonsense: { image: 'Not An Image' },
        large: { ...node('-e', ''), cpus: 10_000 },
      },
      ...more,
    });
    spawners.push(spawner);
    return spawner;
  };

  const order = (more: Partial<StepOrder> = {}) => stepOrder({ blueprint: 'sleeps', ...more });
  /** Starts it; resolves, in a box, at its end. */
  const started = async (spawner: Spawner, given: StepOrder): Promise<{ readonly end: Promise<boolean> }> => {
    let tell: (clean: boolean) => void;
    const end = new Promise<boolean>((resolve) => (tell = resolve));
    await spawner.spawn(given, { onExit: (clean) => tell(clean) });
    return { end };
  };
  const ended = async (spawner: Spawner, given: StepOrder): Promise<boolean> =>
    (await started(spawner, given)).end;
  const mine = async () => {
    const query = { namespace, labelSelector: `shoal.owner=${owner}` };
    const [jobs, pods, secrets] = await Promise.all([
      batch.listNamespacedJob(query),
      core.listNamespacedPod(query),
      core.listNamespacedSecret(query),
    ]);
    return { jobs: jobs.items, pods: pods.items, secrets: secrets.items };
  };
  const nothingIsLeft = (): Promise<void> =>
    expect
      .poll(async () => Object.values(await mine()).map(({ length }) => length), { timeout: 60_000 })
      .toEqual([0, 0, 0]);
  const runs = (): Promise<void> =>
    expect.poll(async () => (await mine()).pods[0]?.status?.phase, { timeout: 60_000 }).toBe('Running');
  const removePods = async (): Promise<void> => {
    for (const { metadata } of (await mine()).pods)
      await core.deleteNamespacedPod({ name: metadata?.name ?? '', namespace, gracePeriodSeconds: 0 });
  };

  const withQuota = async (what: string, act: () => Promise<void>): Promise<void> => {
    const name = 'none';
    const body = { metadata: { name }, spec: { hard: { [what]: '0' } } };
    await core.createNamespacedResourceQuota({ namespace, body });
    try {
      // It holds once its controller has counted.
      await expect
        .poll(async () => (await core.readNamespacedResourceQuota({ name, namespace })).status?.used)
        .toBeDefined();
      await act();
    } finally {
      await core.deleteNamespacedResourceQuota({ name, namespace });
    }
  };

  test.each(SPAWNER_CASES)('$title', async ({ run }) => {
    const ran = run(url, async ({ maxRunning }: SpawnerPlace) => ({
      spawner: await open({ maxRunning }),
      kill: removePods,
    }));
    await expect(ran).resolves.toBeUndefined();
  });

  test('a container that ends with 0 ended cleanly, any other did not, and nothing of either stays', async () => {
    const spawner = await open();
    expect(await ended(spawner, order({ blueprint: 'ends' }))).toBe(true);
    expect(await ended(spawner, order({ blueprint: 'fails' }))).toBe(false);
    await nothingIsLeft();
  });

  test('what a container may do and use is what its recipe says; its secret is in its environment alone', async () => {
    // No image knows the user, and so its group.
    const own = { username: 'name', password: 'secret-word', env: { LANG: 'C' }, userId: 12_345 };
    const spawner = await open(own);
    const { end } = await started(spawner, order({ blueprint: 'looks', stepId: '-odd-' }));
    const { jobs, secrets } = await mine();
    expect(jobs[0]?.metadata?.annotations).toMatchObject({ 'shoal.step': '-odd-' });
    expect(JSON.stringify(jobs)).not.toContain('secret-word');
    expect(secrets).toHaveLength(1);
    expect(await end).toBe(true);
    await nothingIsLeft();
  });

  test.each(['eats', 'absent', 'nonsense'])(
    '"%s" is told as died, and nothing of it stays',
    async (blueprint) => {
      const spawner = await open();
      expect(await ended(spawner, order({ blueprint }))).toBe(false);
      await nothingIsLeft();
    },
  );

  test('a Job and a Pod that somebody removes are told as died', async () => {
    const spawner = await open();
    const first = await started(spawner, order());
    await runs();
    await removePods();
    expect(await first.end).toBe(false);
    await nothingIsLeft();
    const second = await started(spawner, order());
    await runs();
    await batch.deleteCollectionNamespacedJob({ namespace, propagationPolicy: 'Background' });
    expect(await second.end).toBe(false);
    await nothingIsLeft();
  });

  test('an order that is given again right after its Job was removed runs', async () => {
    const spawner = await open();
    const given = order({ blueprint: 'ends' });
    for (let time = 0; time < 5; time++) {
      const { end } = await started(spawner, given);
      await batch.deleteCollectionNamespacedJob({ namespace, propagationPolicy: 'Background' });
      await end;
      expect(await ended(spawner, given)).toBe(true);
    }
    await nothingIsLeft();
  });

  test('an attempt that comes after takes the place of the one before', async () => {
    const spawner = await open();
    const given = order();
    const first = await started(spawner, given);
    await runs();
    await started(spawner, { ...given, attempt: 2, claimId: 'c2' });
    expect(await first.end).toBe(false);
    await expect
      .poll(async () => (await mine()).jobs.map(({ metadata }) => metadata?.labels?.['shoal.attempt']))
      .toEqual(['2']);
  });

  test('steps run on nodes with their labels; a Pod that no node takes is given up', async () => {
    const { items } = await core.listNode();
    const name = items[0]?.metadata?.labels?.['kubernetes.io/hostname'] ?? '';
    const label = 'kubernetes.io/hostname';
    const warned: string[] = [];
    const spawner = await open({
      startMs: 10_000,
      logger: { ...silentLogger, warn: (_, facts) => void warned.push(JSON.stringify(facts)) },
      nodeLabels: { site: { label, values: [name, 'nowhere'] } },
    });
    const at = (site: string, blueprint = 'ends') => order({ blueprint, placement: { labels: { site } } });
    expect(await ended(spawner, at(name))).toBe(true);
    expect(await ended(spawner, at('nowhere'))).toBe(false);
    expect(await ended(spawner, at(name, 'large'))).toBe(false);
    expect(warned).toMatchObject(
      [/Unschedulable.*node/, /Unschedulable.*Insufficient cpu/].map(
        (text) => expect.stringMatching(text) as string,
      ),
    );
    await nothingIsLeft();
  });

  test('a quota on Jobs is a refusal that says so; one on Pods is why a Job without any is given up', async () => {
    const warned: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (_: string, facts?: object) => void warned.push(JSON.stringify(facts)),
    };
    const spawner = await open({ startMs: 5_000, logger });
    await withQuota('count/jobs.batch', async () => {
      await expect(spawner.spawn(order())).rejects.toThrow(/exceeded quota: none.*\(403\)$/);
      expect(spawner.running).toBe(0);
    });
    await withQuota('pods', async () => {
      expect(await ended(spawner, order())).toBe(false);
      expect(warned).toEqual([expect.stringContaining('it has no Pod, a quota')]);
    });
    await nothingIsLeft();
  });

  test('without its Role it says which right is missing; with it, it cannot read a Secret', async () => {
    await expect(open({ cluster: cluster.stranger })).rejects.toThrow(
      /jobs.batch is forbidden.*\(403\).*Role in the README/,
    );
    await expect(open({ cluster: { ...cluster.spawner, token: 'none' } })).rejects.toThrow(
      'The credential for the cluster is not valid',
    );
    await expect(open({ namespace: 'kube-system' })).rejects.toThrow('(403)');
  });

  test('a spawner that opens again counts what runs and removes it at its end', async () => {
    const before = await open();
    await before.spawn(order());
    await before.spawn(order({ blueprint: 'ends' }));
    await runs();
    await before.stop();
    const after = await open();
    expect(after.running).toBeGreaterThan(0);
    expect((await open({ owner: 'another' })).running).toBe(0);
    await expect.poll(() => after.running, { timeout: 60_000 }).toBe(1);
    await removePods();
    await expect.poll(() => after.running, { timeout: 60_000 }).toBe(0);
    await nothingIsLeft();
  });

  test('what ended while no spawner was there, the next one removes, else Kubernetes does', async () => {
    const before = await open({ ttlSeconds: 3 });
    await before.spawn(order({ blueprint: 'ends' }));
    await before.stop();
    await expect
      .poll(async () => (await mine()).jobs[0]?.status?.completionTime, { timeout: 60_000 })
      .toBeDefined();
    await nothingIsLeft();
    const again = await open({ ttlSeconds: 600 });
    await again.spawn(order({ blueprint: 'ends' }));
    await again.stop();
    await expect
      .poll(async () => (await mine()).jobs[0]?.status?.completionTime, { timeout: 60_000 })
      .toBeDefined();
    expect((await open()).running).toBe(0);
    await nothingIsLeft();
  });
});
