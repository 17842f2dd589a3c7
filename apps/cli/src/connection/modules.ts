import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseWorkflow, type AgentBlueprint, type Blueprint, type Workflow } from '@shoal/workflow';
import { usageError } from '../errors.ts';

export interface Blueprints {
  readonly blueprints: readonly Blueprint[];
  readonly agents: readonly AgentBlueprint[];
}

/** What a module offers as `blueprints` and `agents`: lists, either may be missing. Throws CliError `usage`. */
export async function loadBlueprints(path: string | undefined): Promise<Blueprints> {
  if (path === undefined) return { blueprints: [], agents: [] };
  let loaded: { readonly blueprints?: unknown; readonly agents?: unknown };
  try {
    loaded = (await import(pathToFileURL(path).href)) as typeof loaded;
  } catch (cause) {
    throw usageError(
      `--blueprints: ${cause instanceof Error ? cause.message : String(cause)}`,
      'unreadable-module',
    );
  }
  const { blueprints = [], agents = [] } = loaded;
  if (!isList(blueprints, 'run') || !isList(agents, 'start'))
    throw usageError(
      `--blueprints: ${path} must export \`blueprints\` (with id and run) or \`agents\` (with id and start), as lists`,
      'invalid-module',
    );
  if (blueprints.length + agents.length === 0)
    throw usageError(`--blueprints: ${path} exports neither \`blueprints\` nor \`agents\``, 'invalid-module');
  return { blueprints: blueprints as readonly Blueprint[], agents: agents as readonly AgentBlueprint[] };
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
