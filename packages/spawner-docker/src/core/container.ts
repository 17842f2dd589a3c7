import { createHash } from 'node:crypto';
import { claimKeyOf, instanceIdOf } from '@shoal/supervisor';
import type { SpawnOrder } from '@shoal/workflow';

/** What a blueprint runs in. Its main is `runSpawned` of `@shoal/workflow`. */
export interface ContainerRecipe {
  readonly image: string;
  /** Default: as the image says. */
  readonly command?: readonly string[];
  /** Default 268 435 456 (256 MiB). */
  readonly memoryBytes?: number;
  /** Of one core. Default 0.5. */
  readonly cpus?: number;
  /** Default 128. */
  readonly maxProcesses?: number;
}

export interface ContainerSettings {
  /** By blueprint. */
  readonly recipes: Readonly<Record<string, ContainerRecipe>>;
  /** For blueprints that have none. Unset: an order for them is refused. */
  readonly defaultRecipe?: ContainerRecipe;
  /** User and group that it runs as; must not be root. Default `65534:65534`. */
  readonly user?: string;
  /** Default: the engine's. */
  readonly network?: string;
  /** Non-secret variables beside the order. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whose containers these are, so that two spawners on one engine leave each other's alone. */
  readonly owner: string;
}

/** The part of the Engine API's container configuration that is used. */
export interface ContainerConfiguration {
  readonly name: string;
  readonly Image: string;
  readonly Cmd?: string[];
  readonly Env: string[];
  readonly User: string;
  readonly Labels: Record<string, string>;
  readonly HostConfig: {
    readonly Memory: number;
    readonly MemorySwap: number;
    readonly NanoCpus: number;
    readonly PidsLimit: number;
    readonly RestartPolicy: { readonly Name: 'no' };
    readonly ReadonlyRootfs: true;
    readonly Tmpfs: Record<string, string>;
    readonly CapDrop: string[];
    readonly SecurityOpt: string[];
    readonly NetworkMode?: string;
  };
}

export const LABELS = {
  owner: 'shoal.owner',
  instance: 'shoal.instance',
  attempt: 'shoal.attempt',
} as const;

/** The same for the same claim: who creates it again finds it. */
export function containerNameOf(order: SpawnOrder): string {
  return `shoal-${createHash('sha256').update(claimKeyOf(order)).digest('hex').slice(0, 32)}`;
}

/**
 * The container for an order. `variables` are the order and its credential, as `runSpawned` reads them: they go into the environment, never
 * into the command. Throws Error when the blueprint has no recipe, or the user is root.
 */
export function containerOf(
  order: SpawnOrder,
  settings: ContainerSettings,
  variables: Readonly<Record<string, string>>,
): ContainerConfiguration {
  const recipe = settings.recipes[order.blueprint] ?? settings.defaultRecipe;
  if (recipe === undefined)
    throw new Error(
      `no recipe for blueprint "${order.blueprint}": add it to \`recipes\`, or give a \`defaultRecipe\``,
    );
  const { user = '65534:65534', network, owner } = settings;
  if (/^(0|root)(:|$)/.test(user)) throw new Error('`user` must not be root');
  const { image, command, memoryBytes = 268_435_456, cpus = 0.5, maxProcesses = 128 } = recipe;
  return {
    name: containerNameOf(order),
    Image: image,
    ...(command === undefined ? {} : { Cmd: [...command] }),
    Env: Object.entries({ ...settings.env, ...variables }).map(([name, value]) => `${name}=${value}`),
    User: user,
    Labels: labelsOf(order, owner),
    HostConfig: {
      Memory: memoryBytes,
      // Memory and swap together: without it, twice as much where the machine swaps.
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: maxProcesses,
      RestartPolicy: { Name: 'no' },
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': '' },
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ...(network === undefined ? {} : { NetworkMode: network }),
    },
  };
}

function labelsOf(order: SpawnOrder, owner: string): Record<string, string> {
  const { org, unit, attempt, blueprint } = order;
  const what: Record<string, string> =
    order.kind === 'step'
      ? { 'shoal.session': order.sessionId, 'shoal.step': order.stepId, 'shoal.workflow': order.workflowId }
      : { 'shoal.agent': order.agentId };
  return {
    [LABELS.owner]: owner,
    [LABELS.instance]: instanceIdOf(order),
    [LABELS.attempt]: String(attempt),
    'shoal.org': org,
    'shoal.unit': unit,
    'shoal.blueprint': blueprint,
    ...what,
  };
}
