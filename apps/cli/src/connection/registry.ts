import type { Link } from '@shoal/mqtt-link';
import { createRegistry, type RegisteredAgent, type Registry } from '@shoal/registry-client';
import type { AgentAddress } from '@shoal/protocol';
import { CliError, usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';

export interface OpenRegistryOptions {
  /** Ask suspects whether they are alive: only for what stays. */
  readonly probes?: boolean;
}

/** A registry with all cards that the broker holds; it is stopped when the command ends. */
export async function openRegistry(
  context: Context,
  link: Link,
  { probes = false }: OpenRegistryOptions = {},
): Promise<Registry> {
  const { org, unit } = context.settings;
  const registry = createRegistry({
    link,
    ...(org === undefined ? {} : { org }),
    ...(unit === undefined ? {} : { unit }),
    ...(probes ? {} : { probe: false as const }),
  });
  context.atEnd(() => registry.stop());
  await context.waiting('reading the cards', registry.start());
  return registry;
}

/**
 * The address that a person means: `org/unit/agent`, `unit/agent` within the organisation, or `agent` within the unit. Undefined when
 * org or unit are missing and the registry has to tell. Throws CliError `usage`.
 */
export function parseAddress(
  text: string,
  { org, unit }: { readonly org?: string | undefined; readonly unit?: string | undefined },
): AgentAddress | { readonly agentId: string } {
  const parts = text.split('/');
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part)))
    throw usageError(`"${text}" is no agent: say agent, unit/agent or org/unit/agent`, 'invalid-address');
  const agentId = parts.at(-1) ?? '';
  const [inOrg, inUnit] = parts.length === 3 ? parts : [org, parts.length === 2 ? parts[0] : unit];
  if (inOrg === undefined || inUnit === undefined) {
    if (parts.length === 2) throw usageError(`"${text}": say --org, or org/unit/agent`, 'invalid-address');
    return { agentId };
  }
  return { org: inOrg, unit: inUnit, agentId };
}

/** The one agent that is meant. Throws CliError `not-found`, or `usage` when several have that id. */
export function findAgent(registry: Registry, text: string, context: Context): RegisteredAgent {
  const address = parseAddress(text, context.settings);
  const found = registry.find(address);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined) {
    const known = registry.agents().slice(0, 5).map(nameOf);
    const hint =
      known.length === 0 ? 'no agent is registered there' : `registered are ${known.join(', ')}, …`;
    throw new CliError('not-found', `no agent "${text}": ${hint}`, { code: 'unknown-agent' });
  }
  throw usageError(`"${text}" is ambiguous: ${found.map(nameOf).join(', ')}`, 'ambiguous-agent');
}

export function nameOf({ address }: { readonly address: AgentAddress }): string {
  return `${address.org}/${address.unit}/${address.agentId}`;
}

/** As `findAgent`, and without asking anybody when the address is complete. */
export async function resolveAgent(context: Context, link: Link, text: string): Promise<AgentAddress> {
  const address = parseAddress(text, context.settings);
  if ('org' in address) return address;
  return findAgent(await openRegistry(context, link), text, context).address;
}
