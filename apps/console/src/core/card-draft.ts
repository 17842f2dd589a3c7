import { buildCard } from '@shoal/agent-sdk';
import { isIdentifier, parseJson, type AgentAddress, type AgentCard } from '@shoal/protocol';
import { checkCard, type Finding } from '@shoal/registry-client';

export interface CardDraft {
  /** Set when the card can be published. */
  readonly card: AgentCard | undefined;
  /** EMQX's closed schema takes it as well. */
  readonly emqx: boolean;
  readonly findings: readonly Finding[];
}

/** Looks at what somebody is typing as a card. */
export function checkDraft(text: string, address: AgentAddress): CardDraft {
  const idFault: readonly Finding[] =
    isIdentifier(address.agentId) && address.agentId !== 'pool'
      ? []
      : [{ field: 'agent id', message: 'takes letters, digits, "_", "." and "-", and is not "pool"' }];
  const json = parseJson(text);
  if (!json.ok)
    return {
      card: undefined,
      emqx: false,
      findings: [...idFault, { field: 'card', message: 'is no JSON yet' }],
    };
  const { usable, emqx, findings } = checkCard(json.value, address);
  const card = usable && idFault.length === 0 ? (json.value as AgentCard) : undefined;
  return { card, emqx, findings: [...idFault, ...findings] };
}

/** A card to begin with; it has no findings. */
export function cardTemplate(address: AgentAddress, brokerUrl: string): string {
  const description = 'What it does, in a sentence.';
  const skills = [{ id: 'answer', name: 'Answer', description: 'Answers questions.', tags: ['example'] }];
  return JSON.stringify(
    buildCard({ name: address.agentId, description, version: '1.0.0', skills }, address, brokerUrl),
    null,
    2,
  );
}
