import type { UserProperties } from '@shoal/mqtt-link';
import { describe, expect, it } from 'vitest';
import { RegistryIndex } from './registry-index.ts';

const TOPIC = '$a2a/v1/discovery/o/u/echo';
const AT = Date.parse('2026-01-01T00:00:00.000Z');
const LATER = AT + 60_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const ADDRESS = { org: 'o', unit: 'u', agentId: 'echo' };

function card(fields: Record<string, unknown> = {}): string {
  return JSON.stringify({
    name: 'Echo',
    description: 'Says it again',
    version: '1.2.3',
    supportedInterfaces: [{ url: 'mqtt://b', protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' }],
    capabilities: {},
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'echo', name: 'Echo', description: 'Repeats', tags: ['demo'] }],
    ...fields,
  });
}

function message(payload: string, userProperties: UserProperties = {}, topic = TOPIC) {
  return { topic, payload: new TextEncoder().encode(payload), userProperties };
}

const kept = (one: ReturnType<typeof message>) => ({ ...one, retain: true });

const online = { 'a2a-status': 'online', 'a2a-status-source': 'agent' };
const lost = { 'a2a-status': 'offline', 'a2a-status-source': 'lwt' };

function kinds(index: RegistryIndex, ...messages: readonly ReturnType<typeof message>[]): string[] {
  return messages.flatMap((one) => index.apply(one, AT).map(({ kind }) => kind));
}

describe('RegistryIndex', () => {
  it('V01: a card registers its agent, and the same card again changes nothing', () => {
    const index = new RegistryIndex();
    expect(kinds(index, message(card(), online), message(card(), online))).toEqual(['registered']);
    expect(index.get(ADDRESS)).toMatchObject({
      presence: { state: 'online', source: 'agent', since: iso(AT), lastSeen: iso(AT) },
      findings: [],
    });
  });

  it('V03 V05: presence follows the messages, and says since when', () => {
    const index = new RegistryIndex();
    index.apply(message(card(), online), AT);
    expect(index.apply(message(card(), lost), LATER)).toMatchObject([
      { kind: 'presence', previous: { state: 'online' } },
    ]);
    expect(index.get(ADDRESS)?.presence).toMatchObject({
      state: 'suspect',
      source: 'lwt',
      reason: 'its will was sent',
      since: iso(LATER),
    });
    expect(index.tick(index.dueMs!)).toMatchObject([{ kind: 'presence', previous: { state: 'suspect' } }]);
    expect(index.get(ADDRESS)?.presence).toMatchObject({ state: 'offline', since: iso(LATER + 5_000) });
    expect(kinds(index, message(card(), online))).toEqual(['presence']);
  });

  it('V06: a will brings the old card back in the topic, not in the registry', () => {
    const index = new RegistryIndex();
    const changed = card({ description: 'New' });
    expect(kinds(index, message(card(), online), message(changed, online), message(card(), lost))).toEqual([
      'registered',
      'updated',
      'presence',
    ]);
    expect(index.get(ADDRESS)).toMatchObject({
      card: { description: 'New' },
      presence: { state: 'suspect' },
    });
  });

  it('V07 V08: an empty payload unregisters, whatever its properties say', () => {
    for (const properties of [{}, lost]) {
      const index = new RegistryIndex();
      expect(kinds(index, message(card(), online), message('', properties), message('', properties))).toEqual(
        ['registered', 'unregistered'],
      );
      expect(index.size).toBe(0);
    }
  });

  it.each([
    {
      id: 'V09',
      properties: { 'a2a-status': ['offline', 'online'], 'a2a-status-source': 'agent' },
      state: 'offline',
    },
    {
      id: 'V10',
      properties: { 'a2a-status': ['offline', 'online'], 'a2a-status-source': ['agent', 'broker'] },
      state: 'online',
    },
    {
      id: 'V11',
      properties: { 'a2a-status': 'online', 'a2a-status-source': 'host-fallback' },
      state: 'online',
    },
    { id: 'V12', properties: {}, state: 'unknown' },
  ])('$id: $properties reads $state', ({ properties, state }) => {
    const index = new RegistryIndex();
    index.apply(kept(message(card(), properties)), AT);
    expect(index.get(ADDRESS)?.presence.state).toBe(state);
  });

  it('V14: an odd card is usable and has findings; a bad one is reported and disturbs nobody', () => {
    const index = new RegistryIndex();
    const odd = card({
      unknown: 1,
      supportedInterfaces: [{ url: 'x', protocolBinding: 'GRPC', protocolVersion: '1.0.0' }],
    });
    expect(kinds(index, message(odd, online))).toEqual(['registered']);
    expect(index.get(ADDRESS)?.findings.map(({ field }) => field)).toEqual([
      'supportedInterfaces',
      'supportedInterfaces[0].protocolVersion',
    ]);
    for (const bad of ['{nope', '[]', '{"name":"x"}']) {
      const [change] = index.apply(message(bad, online, '$a2a/v1/discovery/o/u/other'), AT);
      expect(change).toMatchObject({ kind: 'invalid', address: { agentId: 'other' } });
    }
    expect(index.size).toBe(1);
  });

  it('keeps the last good card when a bad one follows, and still hears the presence', () => {
    const index = new RegistryIndex();
    index.apply(message(card(), online), AT);
    expect(kinds(index, message('{nope', lost))).toEqual(['invalid', 'presence']);
    expect(index.get(ADDRESS)).toMatchObject({ card: { name: 'Echo' }, presence: { state: 'suspect' } });
  });

  it('forgets what a complete snapshot does not hold, unless it was heard of since', () => {
    const index = new RegistryIndex();
    index.apply(message(card(), online), AT);
    const since = index.messages;
    index.apply(message(card(), online, '$a2a/v1/discovery/o/u/new'), AT);
    expect(index.retain(new Set(), since, AT)).toMatchObject([
      { kind: 'unregistered', agent: { address: ADDRESS } },
    ]);
    expect([...index.agents()].map(({ address }) => address.agentId)).toEqual(['new']);
  });

  it('finds by skill, tag, presence, place and words', () => {
    const index = new RegistryIndex();
    index.apply(message(card(), online), AT);
    const other = card({
      name: 'Pump 7',
      skills: [{ id: 'watch', name: 'Watch', description: 'Vibration', tags: ['pump'] }],
    });
    index.apply(kept(message(other, lost, '$a2a/v1/discovery/o/u2/pump-7')), AT);
    const found = (query: Parameters<RegistryIndex['find']>[0]) =>
      index.find(query).map(({ address }) => address.agentId);
    expect(found({})).toEqual(['echo', 'pump-7']);
    expect(found({ skill: 'ECHO' })).toEqual(['echo']);
    expect(found({ tag: 'pump' })).toEqual(['pump-7']);
    expect(found({ presence: 'offline' })).toEqual(['pump-7']);
    expect(found({ presence: ['offline', 'online'], skill: 'watch' })).toEqual(['pump-7']);
    expect(found({ agentId: 'echo', org: 'o' })).toEqual(['echo']);
    expect(found({ tag: 'PUMP', unit: 'u' })).toEqual([]);
    expect(found({ unit: 'u2' })).toEqual(['pump-7']);
    expect(found({ text: 'vibration pump' })).toEqual(['pump-7']);
    expect(found({ text: 'vibration echo' })).toEqual([]);
  });

  it('finds what was registered, changed and unregistered after the first search', () => {
    const index = new RegistryIndex();
    const found = (tag: string) => index.find({ tag }).map(({ address }) => address.agentId);
    const skill = { id: 's', name: 'S', description: 'S' };
    const tagged = (...tags: string[]) => card({ skills: [{ ...skill, tags }] });
    expect(found('one')).toEqual([]);
    index.apply(message(tagged('one'), online), AT);
    expect(found('one')).toEqual(['echo']);
    index.apply(message(tagged('two'), online), AT);
    expect([found('one'), found('two')]).toEqual([[], ['echo']]);
    index.apply({ ...message(card(), online), payload: new Uint8Array() }, AT);
    expect(found('two')).toEqual([]);
  });
});
