import type { AgentCard } from '@a2a-js/sdk';
import { ADDRESS_EXTENSION } from '@shoal/agent-sdk';
import type { AgentAddress } from '@shoal/protocol';
import { isIdentifier } from '@shoal/protocol';

/** Where the agent of a card lives: as its address extension says, or as the path of its MQTT URL. */
export function addressOfCard(url: string, card: AgentCard): AgentAddress | undefined {
  const params: unknown = card.capabilities?.extensions.find(({ uri }) => uri === ADDRESS_EXTENSION)?.params;
  return addressFrom(params) ?? addressOfUrl(url);
}

/** `mqtts://broker/org/unit/agentId`. */
export function addressOfUrl(url: string): AgentAddress | undefined {
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*\/([^?#]*)/i.exec(url)?.[1] ?? '';
  const [org, unit, agentId, ...rest] = path.replace(/\/$/, '').split('/').map(decode);
  return rest.length > 0 ? undefined : addressFrom({ org, unit, agentId });
}

function addressFrom(value: unknown): AgentAddress | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { org, unit, agentId } = value as Record<string, unknown>;
  if (!isIdentifier(org) || !isIdentifier(unit) || !isIdentifier(agentId) || agentId === 'pool')
    return undefined;
  return { org, unit, agentId };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
