import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { Logger } from '@shoal/mqtt-link';
import { isIdentifier } from '@shoal/protocol';
import type { CredentialIssuer, Spawner } from '@shoal/supervisor';
import {
  parseWorkflow,
  type AgentBlueprint,
  type Blueprint,
  type Credentials,
  type Workflow,
} from '@shoal/workflow';
import { usageError } from '../errors.ts';

export interface Blueprints {
  readonly blueprints: readonly Blueprint[];
  readonly agents: readonly AgentBlueprint[];
}

/** What a module offers as `blueprints` and `agents`: lists, either may be missing. Throws CliError `usage`. */
export async function loadBlueprints(path: string | undefined): Promise<Blueprints> {
  if (path === undefined) return { blueprints: [], agents: [] };
  const { blueprints = [], agents = [] } = await load('--blueprints', path);
  if (!isList(blueprints, 'run') || !isList(agents, 'start'))
    throw usageError(
      `--blueprints: ${path} must export \`blueprints\` (with id and run) or \`agents\` (with id and start), as lists`,
      'invalid-module',
    );
  if (blueprints.length + agents.length === 0)
    throw usageError(`--blueprints: ${path} exports neither \`blueprints\` nor \`agents\``, 'invalid-module');
  return { blueprints: blueprints as readonly Blueprint[], agents: agents as readonly AgentBlueprint[] };
}

/** What the spawner of a module is made from. Spawners of Shoal take it as it is, beside what is their own. */
export interface GivenToSpawner extends Credentials {
  /** Of the broker, as this program reaches it. */
  readonly url: string;
  /** Set where steps or agents have a user of their own (`SHOAL_STEP_USERNAME`, `SHOAL_AGENT_USERNAME`). */
  readonly credentials?: CredentialIssuer;
  /** `--capacity` of a host. */
  readonly maxRunning?: number;
  readonly logger: Logger;
}

export interface SpawnerModule {
  open(given: GivenToSpawner): Promise<Spawner>;
  /** Ids of what it starts. */
  readonly blueprints: readonly string[];
  readonly agents: readonly string[];
}

/** A module that exports `spawner`, a function, and as `blueprints` and `agents` the ids of what it starts. Throws CliError `usage`. */
export async function loadSpawner(path: string): Promise<SpawnerModule> {
  const { spawner, blueprints = [], agents = [] } = await load('--spawner', path);
  if (typeof spawner !== 'function')
    throw usageError(
      `--spawner: ${path} must export \`spawner\`, a function that takes { url, username, password, credentials, maxRunning, logger } and returns a spawner`,
      'invalid-module',
    );
  if (!isListOfIds(blueprints) || !isListOfIds(agents))
    throw usageError(
      `--spawner: ${path} exports as \`blueprints\` and \`agents\` lists of ids, such as ["diagnose"]`,
      'invalid-module',
    );
  const open = async (given: GivenToSpawner): Promise<Spawner> => {
    const opened: unknown = await attempt('--spawner', 'failing-module', () =>
      (spawner as (given: GivenToSpawner) => unknown)(given),
    );
    if (!isSpawner(opened))
      throw usageError(
        `--spawner: what \`spawner\` of ${path} returned has no spawn, stop, running and capacity`,
        'invalid-module',
      );
    return opened;
  };
  return { open, blueprints, agents };
}

type Exports = Readonly<Record<string, unknown>>;

function load(flag: string, path: string): Promise<Exports> {
  return attempt(flag, 'unreadable-module', () => import(pathToFileURL(path).href) as Promise<Exports>);
}

/** What a module does wrong is said as a fault of the flag that named it. */
async function attempt<T>(flag: string, code: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw usageError(`${flag}: ${cause instanceof Error ? cause.message : String(cause)}`, code);
  }
}

function isListOfIds(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((id) => typeof id === 'string' && isIdentifier(id));
}

function isSpawner(value: unknown): value is Spawner {
  if (typeof value !== 'object' || value === null) return false;
  const { spawn, stop, running, capacity } = value as Exports;
  return (
    typeof spawn === 'function' &&
    typeof stop === 'function' &&
    typeof running === 'number' &&
    typeof capacity === 'number'
  );
}

function isList(value: unknown, method: 'run' | 'start'): value is readonly unknown[] {
  return (
    Array.isArray(value) &&
    value.every(
      (entry: Record<string, unknown> | null) =>
        typeof entry?.['id'] === 'string' && typeof entry[method] === 'function',
    )
  );
}

/** Throws CliError `usage` for a file that cannot be read, WorkflowError `invalid-workflow` with what is wrong where. */
export async function loadWorkflows(paths: readonly string[]): Promise<readonly Workflow[]> {
  const workflows: Workflow[] = [];
  for (const file of paths) {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (cause) {
      throw usageError(cause instanceof Error ? cause.message : String(cause), 'unreadable-file');
    }
    workflows.push(parseWorkflow(text, { file }));
  }
  return workflows;
}
