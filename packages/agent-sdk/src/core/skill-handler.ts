import { MQTT_BINDING } from '@shoal/protocol';
import type { CardInput, SkillInput } from './card.ts';

/** URI of the card extension with the schemas of skills: `params[skillId] = { input, output }`, JSON Schema. */
export const SKILL_SCHEMAS_EXTENSION = `${MQTT_BINDING.uri}#skill-schemas`;

/** What a skill adds to an agent: its part of the card, and how it is carried out. `defineSkill` of `…/skills` makes one. */
export interface SkillHandler<Context> {
  readonly card: SkillInput & { readonly id: string };
  /** JSON Schemas of what it takes and gives. */
  readonly schemas: { readonly input: object; readonly output: object };
  run(task: Context): unknown;
}

/** The skill that a message is for: `metadata.skill`; an agent with one skill needs no name. */
export function skillFor<S extends SkillHandler<never>>(skills: readonly S[], named: unknown): S | undefined {
  if (named === undefined) return skills.length === 1 ? skills[0] : undefined;
  return skills.find(({ card }) => card.id === named);
}

/** What to say to a message that no skill is for. */
export function unknownSkill(skills: readonly SkillHandler<never>[], named: unknown): string {
  const known = skills.map(({ card }) => card.id).join(', ');
  const asked = named === undefined ? 'name a skill' : `there is no skill ${JSON.stringify(named)}; name one`;
  return `${asked} in message.metadata.skill: ${known}`;
}

/** Two skills of one name: one of them would never run. */
export function duplicateSkill(skills: readonly SkillHandler<never>[]): string | undefined {
  const ids = skills.map(({ card }) => card.id);
  return ids.find((id, index) => ids.indexOf(id) !== index);
}

/** The card with what the skills say of themselves; what the card says of the same skill wins. */
export function withSkills(card: CardInput, skills: readonly SkillHandler<never>[]): CardInput {
  if (skills.length === 0) return card;
  const told = card.skills ?? [];
  const added = skills.flatMap((skill) => (told.some(({ id }) => id === skill.card.id) ? [] : [skill.card]));
  const extension = {
    uri: SKILL_SCHEMAS_EXTENSION,
    description: 'JSON Schemas of the input and output of skills.',
    required: false,
    params: Object.fromEntries(skills.map((skill) => [skill.card.id, skill.schemas])),
  };
  const extensions = [...(card.capabilities?.extensions ?? []), extension];
  return { ...card, skills: [...told, ...added], capabilities: { ...card.capabilities, extensions } };
}
