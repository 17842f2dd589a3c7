import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { clientIdOf } from '@shoal/protocol';
import { checkCard, registerCard, unregisterCard } from '@shoal/registry-client';
import { tryApi } from '../../connection/api.ts';
import { openRegistry, parseAddress } from '../../connection/registry.ts';
import { CliError, usageError } from '../../errors.ts';
import type { Context } from '../../program/context.ts';
import { implement } from '../../program/leaf.ts';
import type { AgentChanged } from '../../shapes/agents.ts';
import { readJson } from './card-file.ts';

interface ChangeFlags {
  readonly force?: boolean;
  readonly status?: 'online' | 'offline';
  readonly expires?: string;
}

export const register = implement<AgentChanged>({
  async run(context, [agent = '', file = ''], flags) {
    const { force = false, status = 'offline', expires } = flags as ChangeFlags;
    const address = fullAddress(context, agent);
    const card = await readJson(context, file);
    const { usable, findings } = checkCard(card, address);
    if (!usable) {
      const why = findings.map(({ field, message }) => `${field} ${message}`).join('; ');
      throw usageError(`${file}: ${why}`, 'invalid-card');
    }
    const api = tryApi(context.settings);
    if (api !== undefined) {
      await context.waiting('writing the card', api.register(address, card as object));
      return { ...address, action: 'registered', by: 'api' };
    }
    const link = await connectAs(context, address, force);
    await registerCard(link, card as AgentCard, {
      address,
      status,
      timeoutMs: context.settings.timeoutMs,
      ...(expires === undefined ? {} : { messageExpirySeconds: wholeSeconds(expires) }),
    });
    return { ...address, action: 'registered', by: 'mqtt' };
  },
  text,
});

export const remove = implement<AgentChanged>({
  async run(context, [agent = ''], flags) {
    const { force = false } = flags as ChangeFlags;
    const address = fullAddress(context, agent);
    const api = tryApi(context.settings);
    if (api !== undefined) {
      // Deleting what is not there is fine for the API, and a mistake for a person.
      await api.get(address);
      await api.unregister(address);
      return { ...address, action: 'deleted', by: 'api' };
    }
    await present(context, address);
    const link = await connectAs(context, address, force);
    await unregisterCard(link, { address, timeoutMs: context.settings.timeoutMs });
    return { ...address, action: 'deleted', by: 'mqtt' };
  },
  text,
});

function text({ action, org, unit, agentId, by }: AgentChanged): string {
  return `${action} ${org}/${unit}/${agentId} ${by === 'api' ? 'through the management API' : 'over MQTT'}\n`;
}

function fullAddress(context: Context, text: string): AgentAddress {
  const address = parseAddress(text, context.settings);
  if ('org' in address) return address;
  throw usageError(`"${text}": say org/unit/agent, or --org and --unit`, 'invalid-address');
}

async function present(context: Context, address: AgentAddress): Promise<void> {
  const registry = await openRegistry(context, await context.connect());
  if (registry.get(address) === undefined)
    throw new CliError('not-found', `no card of ${clientIdOf(address)}`, { code: 'unknown-agent' });
}

/** Brokers with a registry take a card only from the agent's own client id, and a broker ends the connection that has it. */
async function connectAs(context: Context, address: AgentAddress, force: boolean) {
  const clientId = clientIdOf(address);
  if (!force) {
    const registry = await openRegistry(context, await context.connect());
    const state = registry.get(address)?.presence.state;
    if (state !== undefined && state !== 'offline')
      throw new CliError(
        'conflict',
        `${clientId} is ${state}: connecting with its client id would end its connection; use --api, or --force`,
        { code: 'agent-connected' },
      );
  }
  return context.connect({ clientId });
}

function wholeSeconds(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value < 2 ** 32) return value;
  throw usageError(`--expires takes whole seconds from 1, not "${text}"`);
}
