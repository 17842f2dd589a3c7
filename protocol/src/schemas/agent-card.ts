import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { SecurityRequirement, SecurityScheme } from './security.ts';
import { forWriters, mapOf, Metadata, OptionalFlag, OptionalText, OptionalTexts, Text } from './base.ts';

const nonEmpty = forWriters('non-empty');

const $AgentInterface = Type.Object({
  url: Text,
  protocolBinding: Text,
  protocolVersion: Text,
  tenant: OptionalText,
});
/** `protocolVersion` is Major.Minor. A set `tenant` goes into every request. */
export interface AgentInterface extends Static<typeof $AgentInterface> {}
export const AgentInterface: TUnsafe<AgentInterface> = def('AgentInterface', $AgentInterface);

const $AgentProvider = Type.Object({ url: Text, organization: Text });
export interface AgentProvider extends Static<typeof $AgentProvider> {}
export const AgentProvider: TUnsafe<AgentProvider> = def('AgentProvider', $AgentProvider);

const $AgentExtension = Type.Object({
  uri: OptionalText,
  description: OptionalText,
  required: OptionalFlag,
  params: Metadata,
});
export interface AgentExtension extends Static<typeof $AgentExtension> {}
export const AgentExtension: TUnsafe<AgentExtension> = def('AgentExtension', $AgentExtension);

const $AgentCapabilities = Type.Object({
  streaming: OptionalFlag,
  pushNotifications: OptionalFlag,
  extendedAgentCard: OptionalFlag,
  extensions: Type.Optional(Type.Array(AgentExtension)),
});
export interface AgentCapabilities extends Static<typeof $AgentCapabilities> {}
export const AgentCapabilities: TUnsafe<AgentCapabilities> = def('AgentCapabilities', $AgentCapabilities);

const $AgentSkill = Type.Object({
  id: Text,
  name: Text,
  description: Text,
  tags: Type.Array(Type.String(), nonEmpty),
  examples: OptionalTexts,
  inputModes: OptionalTexts,
  outputModes: OptionalTexts,
  securityRequirements: Type.Optional(Type.Array(SecurityRequirement)),
});
export interface AgentSkill extends Static<typeof $AgentSkill> {}
export const AgentSkill: TUnsafe<AgentSkill> = def('AgentSkill', $AgentSkill);

const $AgentCardSignature = Type.Object({ protected: Text, signature: Text, header: Metadata });
export interface AgentCardSignature extends Static<typeof $AgentCardSignature> {}
export const AgentCardSignature: TUnsafe<AgentCardSignature> = def('AgentCardSignature', $AgentCardSignature);

const $AgentCard = Type.Object({
  name: Text,
  description: Text,
  version: Text,
  supportedInterfaces: Type.Array(AgentInterface, nonEmpty),
  capabilities: AgentCapabilities,
  defaultInputModes: Type.Array(Type.String(), nonEmpty),
  defaultOutputModes: Type.Array(Type.String(), nonEmpty),
  skills: Type.Array(AgentSkill, nonEmpty),
  provider: Type.Optional(AgentProvider),
  documentationUrl: OptionalText,
  iconUrl: OptionalText,
  securitySchemes: Type.Optional(mapOf(SecurityScheme)),
  securityRequirements: Type.Optional(Type.Array(SecurityRequirement)),
  signatures: Type.Optional(Type.Array(AgentCardSignature)),
});
/** Readers accept empty REQUIRED arrays, as the example of A2A §8.4.1 has one; writers do not make them. */
export interface AgentCard extends Static<typeof $AgentCard> {}
export const AgentCard: TUnsafe<AgentCard> = def('AgentCard', $AgentCard);
