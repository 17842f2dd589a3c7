import { describe, expect, it } from 'vitest';
import { checkCard } from './lint-card.ts';
import { sleepExtension } from './sleep-schedule.ts';

const ADDRESS = { org: 'o', unit: 'u', agentId: 'echo' };

function card(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: 'Echo',
    description: 'Says it again',
    version: '1.2.3',
    supportedInterfaces: [{ url: 'mqtt://b', protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' }],
    capabilities: {},
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'echo', name: 'Echo', description: 'Repeats', tags: ['demo'] }],
    ...fields,
  };
}

const skill = { id: 'echo', name: 'Echo', description: 'Repeats' };

function without(name: string): Record<string, unknown> {
  const { [name]: _, ...rest } = card();
  return rest;
}

function renamed(from: string, to: string): Record<string, unknown> {
  const value = card();
  return { ...without(from), [to]: value[from] };
}

// The accept and reject cases that were run through EMQX's own schema (emqx-a2a-registry §2).
describe("EMQX's Agent Card schema", () => {
  it.each([
    ['the baseline', card()],
    [
      'extension params that hold anything',
      card({ capabilities: { extensions: [{ uri: 'urn:x', params: { a: { b: [1] } } }] } }),
    ],
    [
      'any binding, and a tenant',
      card({
        supportedInterfaces: [
          { url: 'u', protocolBinding: 'MQTT5+JSONRPC', protocolVersion: '1', tenant: 'o/u' },
        ],
      }),
    ],
    ['a snake_case twin beside the field', card({ supported_interfaces: [] })],
    [
      'text that is no URL, skill ids twice, no tags',
      card({
        iconUrl: 'no',
        skills: [
          { ...skill, tags: [] },
          { ...skill, tags: [] },
        ],
      }),
    ],
    [
      'signatures with a free header',
      card({ signatures: [{ protected: 'a', signature: 'b', header: { kid: 1 } }] }),
    ],
    [
      'security schemes of A2A 1.0',
      card({
        securitySchemes: { b: { httpAuthSecurityScheme: { scheme: 'bearer' } } },
        securityRequirements: [{ schemes: { b: { list: ['s'] } } }],
      }),
    ],
    ['an empty security scheme', card({ securitySchemes: { b: {} } })],
  ])('takes %s', (_what, value) => {
    expect(checkCard(value, ADDRESS).findings.filter(({ message }) => message.startsWith('EMQX'))).toEqual(
      [],
    );
    expect(checkCard(value, ADDRESS).emqx).toBe(true);
  });

  it.each([
    ['a required field that is missing', without('version'), 'version', 'is required'],
    [
      'snake_case instead of camelCase',
      renamed('supportedInterfaces', 'supported_interfaces'),
      'supportedInterfaces',
      'does not stand in',
    ],
    [
      'a skill without tags, as the Python SDK makes it',
      card({ skills: [skill] }),
      'skills[0].tags',
      'if only as []',
    ],
    ['url of A2A 0.3', card({ url: 'x' }), 'url', 'supportedInterfaces[].url'],
    [
      'preferredTransport of A2A 0.3',
      card({ preferredTransport: 'x' }),
      'preferredTransport',
      'protocolBinding',
    ],
    [
      'supportsAuthenticatedExtendedCard of A2A 0.3',
      card({ supportsAuthenticatedExtendedCard: true }),
      'supportsAuthenticatedExtendedCard',
      'capabilities.extendedAgentCard',
    ],
    ['security of A2A 0.3', card({ security: [] }), 'security', 'securityRequirements'],
    [
      'stateTransitionHistory',
      card({ capabilities: { stateTransitionHistory: true } }),
      'capabilities.stateTransitionHistory',
      'remove it',
    ],
    ['a key of one’s own', card({ 'x-site': 1 }), 'x-site', 'extensions[].params'],
    ['org_id as the docs have it', card({ org_id: 'o' }), 'org_id', 'not in its schema'],
    [
      'a scheme of OpenAPI',
      card({ securitySchemes: { b: { type: 'http', scheme: 'bearer' } } }),
      'securitySchemes.b.type',
      'httpAuthSecurityScheme',
    ],
    ['a number as version', card({ version: 1 }), 'version', 'string'],
    [
      'text as a flag',
      card({ capabilities: { streaming: 'true' } }),
      'capabilities.streaming',
      'true or false',
    ],
    ['null', card({ iconUrl: null }), 'iconUrl', ''],
    [
      'an extension with a key of its own',
      card({ capabilities: { extensions: [{ uri: 'x', jwksUri: 'y' }] } }),
      'capabilities.extensions[0].jwksUri',
      'params',
    ],
    ['a provider without url', card({ provider: { organization: 'x' } }), 'provider.url', 'required'],
    [
      'a skill with a schema',
      card({ skills: [{ ...skill, tags: ['a'], inputSchema: {} }] }),
      'skills[0].inputSchema',
      'params of an extension',
    ],
  ])('drops %s, and the finding says how to mend it', (_what, value, field, fix) => {
    const { emqx, findings } = checkCard(value, ADDRESS);
    expect(emqx).toBe(false);
    expect(findings.find((finding) => finding.field === field)?.message).toContain(fix);
  });

  it('drops what is no object', () => {
    for (const value of [1, [], 'x', null])
      expect(checkCard(value, ADDRESS)).toMatchObject({ usable: false, emqx: false });
  });

  it('names at most 50 faults of a card full of them', () => {
    const junk = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key${i}`, i]));
    expect(checkCard(card(junk), ADDRESS).findings.length).toBeLessThanOrEqual(50);
  });
});

describe('card linting', () => {
  const findings = (value: unknown) => checkCard(value, ADDRESS).findings.map(({ field }) => field);

  it('a good card has no findings', () => {
    expect(checkCard(card(), ADDRESS)).toEqual({ usable: true, emqx: true, findings: [] });
  });

  it('names empty REQUIRED fields, a missing MQTT interface, a patch version, skills that nobody finds', () => {
    expect(findings(card({ name: '' }))).toEqual(['name']);
    expect(
      findings(
        card({ supportedInterfaces: [{ url: 'u', protocolBinding: 'GRPC', protocolVersion: '1.0.0' }] }),
      ),
    ).toEqual(['supportedInterfaces', 'supportedInterfaces[0].protocolVersion']);
    expect(findings(card({ skills: [{ ...skill, tags: [] }] }))).toEqual(['skills[0].tags']);
    expect(
      findings(
        card({
          skills: [
            { ...skill, tags: ['a'] },
            { ...skill, tags: ['a'] },
          ],
        }),
      ),
    ).toEqual(['skills[1].id']);
  });

  it('names a sleep schedule that cannot be read', () => {
    const good = sleepExtension({ wakesEverySeconds: 60, windows: [{ start: '22:00', end: '06:00' }] });
    expect(findings(card({ capabilities: { extensions: [good] } }))).toEqual([]);
    for (const params of [
      { wakesEverySeconds: '60' },
      { windows: [{ start: '22', end: '6' }] },
      { windows: 'night' },
    ]) {
      expect(findings(card({ capabilities: { extensions: [{ ...good, params }] } }))).toEqual([
        'capabilities.extensions[0].params',
      ]);
    }
    expect(findings(card({ capabilities: { extensions: [{ description: 'x' }] } }))).toEqual([
      'capabilities.extensions[0].uri',
    ]);
  });
});
