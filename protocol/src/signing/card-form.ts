/** What exactly a signature of an Agent Card covers (A2A §8.4.1): the card as canonical JSON, without its signatures. */
import canonicalize from 'canonicalize';
import type { AgentCard } from '../schemas/agent-card.ts';

/**
 * `spec`: REQUIRED fields stay even when empty, fields with explicit presence stay when set, other fields that hold their default are
 * left out (A2A §8.4.1). `stripped`: every empty string, array and object is left out as well, as `@a2a-js/sdk` does. The two agree
 * on a card that leaves no REQUIRED field empty.
 */
export type CardForm = 'spec' | 'stripped';

/** Both forms, in the order in which a verifier tries them. */
export const CARD_FORMS: readonly CardForm[] = ['spec', 'stripped'];

type Kind = 'one' | 'array' | 'map';
type Json = Readonly<Record<string, unknown>>;

export interface MessageShape {
  /** Fields without explicit presence: the default and absence are the same, so the default is not signed. */
  readonly implicit: readonly string[];
  readonly nested: Readonly<Record<string, readonly [kind: Kind, type: string]>>;
}

/** The messages inside a card, as `a2a.proto` declares them; a test compares this with the field table. */
export const CARD_SHAPES: Readonly<Record<string, MessageShape>> = {
  AgentCard: {
    implicit: ['securitySchemes', 'securityRequirements'],
    nested: {
      supportedInterfaces: ['array', 'AgentInterface'],
      capabilities: ['one', 'AgentCapabilities'],
      skills: ['array', 'AgentSkill'],
      provider: ['one', 'AgentProvider'],
      securitySchemes: ['map', 'SecurityScheme'],
      securityRequirements: ['array', 'SecurityRequirement'],
    },
  },
  AgentInterface: { implicit: ['tenant'], nested: {} },
  AgentProvider: { implicit: [], nested: {} },
  AgentCapabilities: { implicit: ['extensions'], nested: { extensions: ['array', 'AgentExtension'] } },
  AgentExtension: { implicit: ['uri', 'description', 'required'], nested: {} },
  AgentSkill: {
    implicit: ['examples', 'inputModes', 'outputModes', 'securityRequirements'],
    nested: { securityRequirements: ['array', 'SecurityRequirement'] },
  },
  SecurityRequirement: { implicit: ['schemes'], nested: { schemes: ['map', 'StringList'] } },
  StringList: { implicit: ['list'], nested: {} },
  SecurityScheme: {
    implicit: [],
    nested: {
      apiKeySecurityScheme: ['one', 'APIKeySecurityScheme'],
      httpAuthSecurityScheme: ['one', 'HTTPAuthSecurityScheme'],
      oauth2SecurityScheme: ['one', 'OAuth2SecurityScheme'],
      openIdConnectSecurityScheme: ['one', 'OpenIdConnectSecurityScheme'],
      mtlsSecurityScheme: ['one', 'MutualTlsSecurityScheme'],
    },
  },
  APIKeySecurityScheme: { implicit: ['description'], nested: {} },
  HTTPAuthSecurityScheme: { implicit: ['bearerFormat', 'description'], nested: {} },
  OAuth2SecurityScheme: {
    implicit: ['oauth2MetadataUrl', 'description'],
    nested: { flows: ['one', 'OAuthFlows'] },
  },
  OpenIdConnectSecurityScheme: { implicit: ['description'], nested: {} },
  MutualTlsSecurityScheme: { implicit: ['description'], nested: {} },
  OAuthFlows: {
    implicit: [],
    nested: {
      authorizationCode: ['one', 'AuthorizationCodeOAuthFlow'],
      clientCredentials: ['one', 'ClientCredentialsOAuthFlow'],
      implicit: ['one', 'ImplicitOAuthFlow'],
      password: ['one', 'PasswordOAuthFlow'],
      deviceCode: ['one', 'DeviceCodeOAuthFlow'],
    },
  },
  AuthorizationCodeOAuthFlow: { implicit: ['refreshUrl', 'pkceRequired'], nested: {} },
  ClientCredentialsOAuthFlow: { implicit: ['refreshUrl'], nested: {} },
  DeviceCodeOAuthFlow: { implicit: ['refreshUrl'], nested: {} },
  ImplicitOAuthFlow: { implicit: ['authorizationUrl', 'refreshUrl', 'scopes'], nested: {} },
  PasswordOAuthFlow: { implicit: ['tokenUrl', 'refreshUrl', 'scopes'], nested: {} },
};

/**
 * The text that is signed: JCS (RFC 8785) of the card in that form. Fields that A2A does not know are covered too, so that nobody can
 * add one. Throws a plain Error for what JSON cannot hold (NaN, a lone surrogate, a cycle).
 */
export function cardSigningInput(card: AgentCard | Json, form: CardForm): string {
  const { signatures: _signatures, ...unsigned } = card as Json;
  const spec = dropDefaults(unsigned, 'AgentCard');
  const json = canonicalize(form === 'spec' ? spec : (stripEmpty(spec) ?? {}));
  if (json === undefined) throw new Error('the card is not JSON');
  return json;
}

function dropDefaults(message: Json, type: string): Json {
  const shape = CARD_SHAPES[type]!;
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message)) {
    if (value === undefined) continue;
    const inner = dropInside(value, Object.hasOwn(shape.nested, name) ? shape.nested[name] : undefined);
    if (!shape.implicit.includes(name) || !isDefault(inner)) define(kept, name, inner);
  }
  return kept;
}

function dropInside(value: unknown, nested: readonly [Kind, string] | undefined): unknown {
  if (nested === undefined) return value;
  const [kind, type] = nested;
  if (kind === 'array') return Array.isArray(value) ? value.map((item) => dropOne(item, type)) : value;
  if (kind === 'one' || !isObject(value)) return dropOne(value, type);
  const map: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) define(map, key, dropOne(item, type));
  return map;
}

function dropOne(value: unknown, type: string): unknown {
  return isObject(value) ? dropDefaults(value, type) : value;
}

function isDefault(value: unknown): boolean {
  if (value === '' || value === false || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function stripEmpty(value: unknown): unknown {
  if (value === '' || value === null || value === undefined) return undefined;
  if (Array.isArray(value)) {
    const items = value.map(stripEmpty).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const inner = stripEmpty(item);
    if (inner !== undefined) define(kept, name, inner);
  }
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/** A plain assignment to `__proto__` would lose the field, and with it the proof that it was signed. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
