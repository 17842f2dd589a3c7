import type { SpawnOrder } from '@shoal/workflow';
import { factsOf, jobNameOf, labelValueOf } from './labels.ts';

/** What a blueprint runs in. Its main is `runSpawned` of `@shoal/workflow`. */
export interface JobRecipe {
  readonly image: string;
  /** Default: as the image says. */
  readonly command?: readonly string[];
  /** Request and limit. Default 268 435 456 (256 MiB). */
  readonly memoryBytes?: number;
  /** Limit, of one core. Default 0.5. */
  readonly cpus?: number;
  /** What the scheduler sets aside, of one core. Default: `cpus`. */
  readonly requestedCpus?: number;
  /** Names of Secrets with which the image is pulled. */
  readonly imagePullSecrets?: readonly string[];
}

/** What a placement label of Shoal means on this cluster. */
export interface NodeLabel {
  /** Of the nodes, as `topology.kubernetes.io/zone`. */
  readonly label: string;
  /** Values that nodes have. A step that asks for another is not started here. */
  readonly values: readonly string[];
}

export interface JobSettings {
  /** By blueprint. */
  readonly recipes: Readonly<Record<string, JobRecipe>>;
  /** For blueprints that have none. Unset: an order for them is refused. */
  readonly defaultRecipe?: JobRecipe;
  /** By placement label. Steps that ask for any other are not started here. */
  readonly nodeLabels?: Readonly<Record<string, NodeLabel>>;
  /** Numeric user, and group, that Pods run as; must not be 0. Default 65 534. */
  readonly userId?: number;
  /** Non-secret variables beside the order. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whose Jobs these are, so that two spawners in one namespace leave each other's alone. */
  readonly owner: string;
  /** After so many seconds Kubernetes removes a Job that ended, should its spawner not do so. Default 300. */
  readonly ttlSeconds?: number;
}

/** The part of a `batch/v1` Job that is used. */
export interface JobManifest {
  readonly apiVersion: 'batch/v1';
  readonly kind: 'Job';
  readonly metadata: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly annotations: Record<string, string>;
  };
  readonly spec: {
    readonly suspend: boolean;
    readonly backoffLimit: number;
    readonly completions: number;
    readonly parallelism: number;
    readonly ttlSecondsAfterFinished: number;
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: PodManifest;
    };
  };
}

interface PodManifest {
  readonly restartPolicy: 'Never';
  readonly automountServiceAccountToken: false;
  readonly enableServiceLinks: false;
  readonly terminationGracePeriodSeconds: number;
  readonly nodeSelector?: Record<string, string>;
  readonly imagePullSecrets?: { name: string }[];
  readonly securityContext: {
    readonly runAsNonRoot: true;
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly seccompProfile: { readonly type: 'RuntimeDefault' };
  };
  readonly containers: ContainerManifest[];
  readonly volumes: { name: string; emptyDir: { sizeLimit: string } }[];
}

interface ContainerManifest {
  readonly name: 'agent';
  readonly image: string;
  readonly command?: string[];
  readonly env: { name: string; value: string }[];
  readonly envFrom: { secretRef: { name: string } }[];
  readonly resources: {
    readonly requests: Record<string, string>;
    readonly limits: Record<string, string>;
  };
  readonly securityContext: {
    readonly allowPrivilegeEscalation: false;
    readonly readOnlyRootFilesystem: true;
    readonly capabilities: { readonly drop: string[] };
  };
  readonly volumeMounts: { name: string; mountPath: string }[];
}

/** Undefined: this cluster has no nodes of that kind. */
export function nodeSelectorOf(
  labels: Readonly<Record<string, string>> | undefined,
  nodeLabels: Readonly<Record<string, NodeLabel>> = {},
): Record<string, string> | undefined {
  const selector: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels ?? {})) {
    const node = Object.hasOwn(nodeLabels, name) ? nodeLabels[name] : undefined;
    if (node === undefined || !node.values.includes(value)) return undefined;
    selector[node.label] = value;
  }
  return selector;
}

export function recipeOf(
  blueprint: string,
  { recipes, defaultRecipe }: Pick<JobSettings, 'recipes' | 'defaultRecipe'>,
): JobRecipe | undefined {
  return Object.hasOwn(recipes, blueprint) ? recipes[blueprint] : defaultRecipe;
}

/**
 * The Job for an order, suspended: it is let go once `secretName`, the Secret with its order and credential, is there. Throws Error when the blueprint has no recipe, no node has the labels, or the user is root.
 */
export function jobOf(order: SpawnOrder, settings: JobSettings, secretName: string): JobManifest {
  const { owner, userId = 65_534, ttlSeconds = 300, nodeLabels, env = {} } = settings;
  const recipe = recipeOf(order.blueprint, settings);
  if (recipe === undefined)
    throw new Error(
      `no recipe for blueprint "${order.blueprint}": add it to \`recipes\`, or give a \`defaultRecipe\``,
    );
  if (!Number.isInteger(userId) || userId < 1) throw new Error('`userId` must not be root (0)');
  const nodeSelector = nodeSelectorOf(order.placement?.labels, nodeLabels);
  if (nodeSelector === undefined)
    throw new Error(
      `no node has the labels ${JSON.stringify(order.placement?.labels)}: say in \`nodeLabels\` which labels of nodes they are`,
    );
  const name = jobNameOf(order);
  const annotations = { ...factsOf(order, owner) };
  const labels = {
    'app.kubernetes.io/managed-by': 'shoal',
    ...Object.fromEntries(Object.entries(annotations).map(([key, text]) => [key, labelValueOf(text)])),
  };
  const pod: PodManifest = {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...(recipe.imagePullSecrets === undefined
      ? {}
      : { imagePullSecrets: recipe.imagePullSecrets.map((secret) => ({ name: secret })) }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      // Unset, it is what the image says of that user, and root's where it says nothing.
      runAsGroup: userId,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [containerOf(recipe, secretName, env)],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels, annotations },
    spec: {
      suspend: true,
      // Whether and when there is another attempt is the supervisor's decision.
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      ttlSecondsAfterFinished: ttlSeconds,
      template: { metadata: { labels }, spec: pod },
    },
  };
}

function containerOf(
  { image, command, memoryBytes = 268_435_456, cpus = 0.5, requestedCpus = cpus }: JobRecipe,
  secretName: string,
  env: Readonly<Record<string, string>>,
): ContainerManifest {
  const milli = (cores: number): string => `${Math.max(1, Math.round(cores * 1_000))}m`;
  return {
    name: 'agent',
    image,
    ...(command === undefined ? {} : { command: [...command] }),
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    envFrom: [{ secretRef: { name: secretName } }],
    resources: {
      requests: { cpu: milli(requestedCpus), memory: String(memoryBytes) },
      limits: { cpu: milli(cpus), memory: String(memoryBytes) },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  };
}

/** What the cluster calls a Job, and the Secret that its Pod reads. */
export interface JobMade {
  readonly uid: string;
  readonly secretName: string;
}

/** The Secret that a Job's Pod reads; it goes when the Job, whose `uid` the cluster has given, goes. */
export function secretOf(
  job: JobManifest,
  { uid, secretName }: JobMade,
  variables: Readonly<Record<string, string>>,
): {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly ownerReferences: { apiVersion: string; kind: string; name: string; uid: string }[];
  };
  readonly immutable: true;
  readonly stringData: Record<string, string>;
} {
  const { name, labels } = job.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: secretName,
      labels,
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid }],
    },
    immutable: true,
    stringData: { ...variables },
  };
}
