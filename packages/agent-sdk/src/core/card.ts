import type { AgentAddress, AgentCard, AgentExtension, AgentSkill } from '@shoal/protocol';
import { MQTT_BINDING, describeViolations, validateAgentCard } from '@shoal/protocol';
import { localError } from '../errors.ts';

/** A card with what cannot be guessed; the rest has defaults, and everything can be set. */
export interface CardInput extends Partial<Omit<AgentCard, 'skills'>> {
  readonly name: string;
  readonly description: string;
  /** Default: one skill with the agent's own name and description. */
  readonly skills?: readonly SkillInput[];
}

export type SkillInput = Partial<AgentSkill> & Pick<AgentSkill, 'id'>;

/** URI of the card extension that says where on the broker an agent lives: a card found over HTTP has no topic. */
export const ADDRESS_EXTENSION = `${MQTT_BINDING.uri}#address`;

/** URI of the card extension that says how long an agent remembers a conversation (profile: Context 10). */
export const CONTEXT_EXTENSION = `${MQTT_BINDING.uri}#context`;

export const DEFAULT_CONTEXT_EXPIRY_SECONDS = 86_400;

/** Nothing to say for 0: never forgotten on purpose. */
export function contextExtension(expirySeconds: number): readonly AgentExtension[] {
  if (expirySeconds === 0) return [];
  return [
    {
      uri: CONTEXT_EXTENSION,
      description: 'A context in which nothing happens for so many seconds is forgotten, with its tasks.',
      required: false,
      params: { expirySeconds },
    },
  ];
}

/**
 * Fills in a card: no REQUIRED field is left empty, so that strict registries take it and signatures stay unambiguous (reference
 * A21, §1.6). Throws A2aError `invalid-card` that names the field.
 */
export function buildCard(input: CardInput, address: AgentAddress, brokerUrl: string): AgentCard {
  const card: AgentCard = {
    ...(input as Omit<CardInput, 'skills'>),
    version: input.version ?? '0.0.0',
    supportedInterfaces: input.supportedInterfaces ?? interfacesAt(brokerUrl),
    capabilities: {
      streaming: true,
      pushNotifications: false,
      extendedAgentCard: false,
      ...input.capabilities,
      extensions: [...(input.capabilities?.extensions ?? []), addressExtension(address)],
    },
    defaultInputModes: input.defaultInputModes ?? ['text/plain', 'application/json'],
    defaultOutputModes: input.defaultOutputModes ?? ['text/plain', 'application/json'],
    skills: (input.skills ?? [{ id: address.agentId }]).map((skill) => fillSkill(skill, input)),
  };
  const valid = validateAgentCard(card);
  if (!valid.ok) throw localError('invalid-card', `card: ${describeViolations(valid.violations)}`);
  const empty = emptyField(card);
  if (empty !== undefined) throw localError('invalid-card', `card.${empty} must not be empty`);
  return card;
}

/** Extensions that a requester must name in `a2a-extensions`. */
export function requiredExtensions(card: AgentCard): string[] {
  return extensionsOf(card).flatMap(({ uri, required }) =>
    uri !== undefined && required === true ? [uri] : [],
  );
}

export function supportedExtensions(card: AgentCard): string[] {
  return extensionsOf(card).flatMap(({ uri }) => (uri === undefined ? [] : [uri]));
}

function extensionsOf(card: AgentCard): readonly AgentExtension[] {
  return card.capabilities.extensions ?? [];
}

function interfacesAt(brokerUrl: string): AgentCard['supportedInterfaces'] {
  const url = withoutCredentials(brokerUrl);
  return [
    { url, protocolBinding: MQTT_BINDING.uri, protocolVersion: '1.0' },
    { url, protocolBinding: MQTT_BINDING.label, protocolVersion: '1.0' },
  ];
}

/** A card is public: a password in the broker's URL must not get into it. */
function withoutCredentials(brokerUrl: string): string {
  return brokerUrl.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1').replace(/[?#].*$/, '');
}

function addressExtension({ org, unit, agentId }: AgentAddress): AgentExtension {
  return {
    uri: ADDRESS_EXTENSION,
    description: 'Where on the broker this agent lives.',
    required: false,
    params: { org, unit, agentId },
  };
}

function fillSkill(skill: SkillInput, card: CardInput): AgentSkill {
  return {
    ...skill,
    name: skill.name ?? (skill.id === '' ? '' : skill.id),
    description: skill.description ?? card.description,
    tags: skill.tags ?? [skill.id],
  };
}

function emptyField(card: AgentCard): string | undefined {
  if (card.name === '') return 'name';
  if (card.description === '') return 'description';
  if (card.version === '') return 'version';
  for (const name of ['supportedInterfaces', 'defaultInputModes', 'defaultOutputModes', 'skills'] as const) {
    if (card[name].length === 0) return name;
  }
  for (const [index, skill] of card.skills.entries()) {
    for (const name of ['id', 'name', 'description', 'tags'] as const) {
      if (skill[name].length === 0) return `skills[${index}].${name}`;
    }
  }
  return undefined;
}
