import type { AgentAddress } from '@shoal/protocol';

/** What a valid access token says. Never the token itself. */
export interface TokenIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  /** All claims of the token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Who sent a request, as far as it was proven. */
export interface Identity {
  /** The agent that signed the request (`ubsp-v1`). */
  readonly agent?: AgentAddress;
  readonly token?: TokenIdentity;
}

/** One name for one identity: the token's subject if there is a token, else the agent; undefined when nothing was proven. */
export function ownerOf(identity: Identity | undefined): string | undefined {
  if (identity?.token !== undefined) return JSON.stringify([identity.token.issuer, identity.token.subject]);
  if (identity?.agent === undefined) return undefined;
  const { org, unit, agentId } = identity.agent;
  return `${org}/${unit}/${agentId}`;
}
