import { describe, expect, it } from 'vitest';

import { validateEmqxCard } from '../src/core/registry/card-validators.ts';
import { baseline, type Baseline } from './cards.ts';

type Card = Record<string, unknown>;

const accepts = (card: unknown): boolean => validateEmqxCard(Buffer.from(JSON.stringify(card))).length === 0;
const withBase = (changes: Card): Card => ({ ...baseline(), ...changes });
const without = (key: string): Card => {
  const { [key]: _gone, ...rest } = baseline() as Card;
  return rest;
};
const renamed = (from: keyof Baseline, to: string): Card => ({ ...without(from), [to]: baseline()[from] });
const skill = (changes: Card): Card => withBase({ skills: [{ ...baseline().skills[0], ...changes }] });
const extension = (value: Card): Card => withBase({ capabilities: { extensions: [value] } });

const jwksUri = 'https://keys.example/jwks.json';

const ACCEPTED: readonly (readonly [string, Card])[] = [
  ['1 the baseline', baseline()],
  [
    '2 empty arrays and texts',
    withBase({
      name: '',
      description: '',
      version: '',
      supportedInterfaces: [],
      defaultInputModes: [],
      defaultOutputModes: [],
      skills: [],
    }),
  ],
  [
    '3 security metadata in an extension',
    extension({ uri: 'urn:a2a:mqtt-profile:v1', params: { securityMetadata: { jwksUri } } }),
  ],
  [
    '4 any binding, with a tenant',
    withBase({
      supportedInterfaces: [
        { url: 'u', protocolBinding: 'MQTT5+JSONRPC', protocolVersion: '1.0', tenant: 'org/unit' },
      ],
    }),
  ],
  ['5 a snake_case twin beside the camelCase key', withBase({ supported_interfaces: [] })],
  [
    '6 an icon that is no URI, skills with the same id and no tags',
    withBase({
      iconUrl: 'not a uri',
      skills: [
        { ...baseline().skills[0], tags: [] },
        { ...baseline().skills[0], tags: [] },
      ],
    }),
  ],
  [
    '7 a signature that nobody verifies',
    withBase({ signatures: [{ protected: 'p', signature: 's', header: { kid: 'k' } }] }),
  ],
  [
    '8 a security scheme and its requirement',
    withBase({
      securitySchemes: { b: { httpAuthSecurityScheme: { scheme: 'bearer' } } },
      securityRequirements: [{ schemes: { b: { list: ['s'] } } }],
    }),
  ],
  ['9 a security scheme of no kind', withBase({ securitySchemes: { b: {} } })],
  [
    '9 a security scheme of two kinds',
    withBase({ securitySchemes: { b: { apiKeySecurityScheme: {}, mtlsSecurityScheme: {} } } }),
  ],
];

const REQUIRED = Object.keys(baseline());

const REJECTED: readonly (readonly [string, unknown])[] = [
  ['10 an empty object', {}],
  ...REQUIRED.map((key) => [`10 without ${key}`, without(key)] as const),
  ['11 supportedInterfaces in snake_case only', renamed('supportedInterfaces', 'supported_interfaces')],
  ['11 defaultInputModes in snake_case only', renamed('defaultInputModes', 'default_input_modes')],
  ['11 defaultOutputModes in snake_case only', renamed('defaultOutputModes', 'default_output_modes')],
  [
    '11 protocolBinding in snake_case only',
    withBase({ supportedInterfaces: [{ url: 'u', protocol_binding: 'x', protocolVersion: '1.0' }] }),
  ],
  [
    '12 the sample of the documentation',
    {
      name: 'n',
      description: 'd',
      version: '1',
      url: 'u',
      skills: [{ id: 's', name: 's', description: 's' }],
    },
  ],
  ['13 a skill without tags', withBase({ skills: [{ id: 's', name: 's', description: 's' }] })],
  ['14 url at the top', withBase({ url: 'u' })],
  ['14 protocolVersion at the top', withBase({ protocolVersion: '0.3' })],
  ['14 preferredTransport', withBase({ preferredTransport: 'JSONRPC' })],
  ['14 additionalInterfaces', withBase({ additionalInterfaces: [] })],
  ['14 supportsAuthenticatedExtendedCard', withBase({ supportsAuthenticatedExtendedCard: true })],
  ['14 security', withBase({ security: [] })],
  ['15 stateTransitionHistory', withBase({ capabilities: { stateTransitionHistory: true } })],
  ...['x-foo', 'metadata', 'org_id'].map(
    (key) => [`16 ${key} at the top`, withBase({ [key]: 'x' })] as const,
  ),
  ['17 an OpenAPI scheme', withBase({ securitySchemes: { b: { type: 'http', scheme: 'bearer' } } })],
  ['17 an OpenAPI requirement', withBase({ securityRequirements: [{ b: [] }] })],
  ['17 an API key with in', withBase({ securitySchemes: { b: { apiKeySecurityScheme: { in: 'header' } } } })],
  ['18 a version that is a number', withBase({ version: 1 })],
  ['18 streaming as a word', withBase({ capabilities: { streaming: 'true' } })],
  ['18 an icon that is null', withBase({ iconUrl: null })],
  ['19 an extension with another key', extension({ uri: 'u', jwksUri })],
  ['20 a provider without url', withBase({ provider: { organization: 'o' } })],
  ['20 a signature without protected', withBase({ signatures: [{ signature: 's' }] })],
  ['20 a skill with inputSchema', skill({ inputSchema: {} })],
  ['20 a skill with security', skill({ security: [] })],
  ['21 a root that is a word', 'card'],
  ['21 a root that is a list', [baseline()]],
  ['21 a root that is null', null],
];

describe("EMQX's card schema", () => {
  it.each(ACCEPTED)('accepts %s', (_name, card) => expect(accepts(card)).toBe(true));

  it.each(REJECTED)('rejects %s', (_name, card) => expect(accepts(card)).toBe(false));

  it.each(['{', '', '{"a":1}x'])('rejects 21 what is not JSON: %j', (text) => {
    expect(validateEmqxCard(Buffer.from(text))).not.toEqual([]);
  });

  it('rejects 21 text that is not UTF-8', () => {
    const text = Buffer.from(JSON.stringify(withBase({ name: 'X' })));
    text[text.indexOf('X')] = 0xff;
    expect(validateEmqxCard(text)).not.toEqual([]);
  });

  it('names the field that is at fault', () => {
    const [violation] = validateEmqxCard(Buffer.from(JSON.stringify(skill({ tags: [1] }))));
    expect(violation?.field).toBe('skills.0.tags.0');
  });
});
