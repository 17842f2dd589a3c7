import { AgentCard as SdkCard } from '@a2a-js/sdk';
import type { AgentAddress, AgentCard } from '@shoal/protocol';

/** Where an agent is found on HTTP: below `publicUrl`, which ends without a slash. */
export function baseUrlOf(publicUrl: string, { org, unit, agentId }: AgentAddress): string {
  return `${publicUrl}/${[org, unit, agentId].map(encodeURIComponent).join('/')}/`;
}

/**
 * The card as HTTP clients get it: the gateway's two bindings in the place of the broker's, which clients out there cannot reach, under
 * the tenant that the agent asked for. Signatures are left out: they are of another card.
 */
export function publicCard(card: AgentCard, base: string): AgentCard {
  const { signatures: _, supportedInterfaces, ...rest } = card;
  const tenant = supportedInterfaces.find((offered) => offered.tenant !== undefined)?.tenant;
  const bindings = ['JSONRPC', 'HTTP+JSON'].map((protocolBinding) => ({
    // Clients put `/message:send` behind it, and not all look whether there is a slash already.
    url: protocolBinding === 'JSONRPC' ? base : base.slice(0, -1),
    protocolBinding,
    protocolVersion: '1.0',
    ...(tenant === undefined ? {} : { tenant }),
  }));
  return { ...rest, supportedInterfaces: bindings };
}

/** As the parts of the official SDK take it. */
export function sdkCard(card: AgentCard): SdkCard {
  return SdkCard.fromJSON(card);
}
