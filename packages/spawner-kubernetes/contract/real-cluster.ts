import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { basename } from 'node:path';
import {
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  loadYaml,
  RbacAuthorizationV1Api,
  type V1PolicyRule,
} from '@kubernetes/client-node';
import type { JobRecipe, KubernetesCluster } from '../src/index.ts';

/** A namespace of a real cluster for one run of tests, and a service account in it that has the Role of the README and no more. */
export interface RealCluster {
  readonly core: CoreV1Api;
  readonly batch: BatchV1Api;
  readonly namespace: string;
  /** With the rights of that service account. */
  readonly spawner: KubernetesCluster;
  /** With those of a service account that has none. */
  readonly stranger: KubernetesCluster;
  /** This machine, as a Pod reaches it. */
  readonly host: string;
  /** Runs what follows `node` on the command line. */
  readonly node: (...args: string[]) => JobRecipe;
  readonly close: () => Promise<void>;
}

/** `SHOAL_TEST_KUBECONFIG`: of somebody who may make namespaces, Roles and tokens. Or why there is no cluster. */
export async function findCluster(): Promise<RealCluster | { readonly missing: string }> {
  const path = process.env['SHOAL_TEST_KUBECONFIG'] ?? '';
  if (path === '') return { missing: 'SHOAL_TEST_KUBECONFIG names none' };
  const host = process.env['SHOAL_TEST_KUBERNETES_HOST'] ?? firstAddress();
  if (host === undefined) return { missing: 'SHOAL_TEST_KUBERNETES_HOST is not set' };
  const config = new KubeConfig();
  config.loadFromFile(path);
  const core = config.makeApiClient(CoreV1Api);
  const namespace = `shoal-test-${randomUUID().slice(0, 8)}`;
  await core.createNamespace({
    body: {
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
  });
  await grant(config, namespace);
  const as = (name: string): Promise<KubernetesCluster> => clusterAs(config, namespace, name);
  const image = process.env['SHOAL_TEST_KUBERNETES_IMAGE'] ?? 'node:24-bookworm-slim';
  return {
    core,
    batch: config.makeApiClient(BatchV1Api),
    namespace,
    spawner: await as('spawner'),
    stranger: await as('stranger'),
    host,
    node: (...args) => ({ image, command: ['node', ...args] }),
    close: async () => void (await core.deleteNamespace({ name: namespace })),
  };
}

/** The Role that the README tells people to give, word for word. */
async function grant(config: KubeConfig, namespace: string): Promise<void> {
  const core = config.makeApiClient(CoreV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, text = ''] = /```yaml\n([^`]*kind: Role\n[^`]*)```/.exec(readme) ?? [];
  const { rules } = loadYaml<{ rules: V1PolicyRule[] }>(text);
  await rbac.createNamespacedRole({ namespace, body: { metadata: { name: 'spawner' }, rules } });
  for (const name of ['spawner', 'stranger'])
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata: { name: 'spawner' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'spawner' },
      subjects: [{ kind: 'ServiceAccount', name: 'spawner', namespace }],
    },
  });
}

async function clusterAs(config: KubeConfig, namespace: string, name: string): Promise<KubernetesCluster> {
  const { status } = await config
    .makeApiClient(CoreV1Api)
    .createNamespacedServiceAccountToken({ name, namespace, body: { spec: { audiences: [] } } });
  const { server = '', caData, caFile } = config.getCurrentCluster() ?? {};
  const ca =
    caData === undefined
      ? await readFile(caFile ?? '', 'utf8')
      : Buffer.from(caData, 'base64').toString('utf8');
  return { server, token: status?.token ?? '', ca };
}

function firstAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

/** Gives a program to Pods, so that any image with Node runs it: `args` are what follows `node`. */
export async function serveProgram(
  host: string,
  file: string,
): Promise<{ readonly args: string[]; readonly close: () => Promise<void> }> {
  const text = await readFile(file);
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const script = `
const response = await fetch('http://${host}:${port}/');
const file = '/tmp/${basename(file)}';
(await import('node:fs')).writeFileSync(file, await response.text());
await import(file);`;
  return {
    args: ['--input-type=module', '-e', script],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
