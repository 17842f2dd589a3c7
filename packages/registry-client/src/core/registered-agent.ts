import type { AgentAddress, AgentCard, UserProperties, Violation } from '@shoal/protocol';
import type { Finding } from './finding.ts';
import type { AgentPresence } from './presence.ts';

export interface RegisteredAgent {
  readonly address: AgentAddress;
  readonly card: AgentCard;
  readonly presence: AgentPresence;
  /** What is odd about a card that can be used all the same. */
  readonly findings: readonly Finding[];
}

/** One discovery message, as far as a registry looks at it. */
export interface DiscoveryMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly userProperties: UserProperties;
  /** Kept by the broker; false for what is published now. Default false. */
  readonly retain?: boolean;
}

export type RegistryChange =
  | { readonly kind: 'registered'; readonly agent: RegisteredAgent }
  | { readonly kind: 'updated'; readonly agent: RegisteredAgent; readonly previous: RegisteredAgent }
  | { readonly kind: 'presence'; readonly agent: RegisteredAgent; readonly previous: AgentPresence }
  | { readonly kind: 'unregistered'; readonly agent: RegisteredAgent }
  /** A card that cannot be used. The agent's last good card stays. */
  | {
      readonly kind: 'invalid';
      readonly topic: string;
      readonly address: AgentAddress | undefined;
      readonly violations: readonly Violation[];
    };
