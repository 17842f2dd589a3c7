import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { RegistrySettings } from '../src/index.ts';
import { cardText } from '../test/cards.ts';
import { ApiBroker, CARD, CONFIG, idsOf, LIST } from './api-broker.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

let api: ApiBroker;
const clients = new Clients();

async function startBroker(registry: RegistrySettings): Promise<void> {
  api = await ApiBroker.start(registry);
}

afterEach(async () => {
  clients.closeAll();
  await api.broker.stop();
});

const actors = [
  { key: 'admin', ns: '', shown: 'global' },
  { key: 'tenant', ns: '', shown: 'acme' },
] as const;

describe("EMQX's management API", () => {
  beforeEach(() => startBroker({ profile: 'emqx' }));

  describe.each(actors)('for $key', ({ key, shown }) => {
    it('19: has nothing at first', async () => {
      expect(await api.call(key, 'GET', LIST)).toEqual({ status: 200, body: [] });
      expect(await api.call(key, 'GET', `${CARD}/o/u/a`)).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      });
      expect(await api.call(key, 'DELETE', `${CARD}/o/u/a`)).toEqual({ status: 204, body: undefined });
    });

    it('20, 21: registers, lists and gets', async () => {
      expect(await api.register(key, 'o/u/a')).toEqual({ status: 204, body: undefined });
      const { body } = await api.call(key, 'GET', `${CARD}/o/u/a`);
      expect(Object.entries(body as object)).toEqual([
        ['namespace', shown],
        ['id', 'o/u/a'],
        ['org_id', 'o'],
        ['unit_id', 'u'],
        ['agent_id', 'a'],
        ['name', 'pump'],
        ['description', 'a pump'],
        ['version', '1'],
        ['status', 'offline'],
        ['raw', cardText()],
      ]);
      expect(await api.call(key, 'GET', LIST)).toEqual({ status: 200, body: [body] });
    });

    it('22: filters by ids, and by nothing that it does not know', async () => {
      await api.register(key, 'o/u/a');
      await api.register(key, 'o/u/b');
      expect(idsOf(await api.call(key, 'GET', `${LIST}?name=x&status=online&tag=none`))).toHaveLength(2);
      expect(idsOf(await api.call(key, 'GET', `${LIST}?org_id=o&agent_id=b`))).toEqual(['o/u/b']);
      expect(idsOf(await api.call(key, 'GET', `${LIST}?unit_id=none`))).toEqual([]);
    });

    it('25: deletes twice, and leaves the rest', async () => {
      await api.register(key, 'o/u/a');
      await api.register(key, 'o/u/b');
      for (let i = 0; i < 2; i++) expect((await api.call(key, 'DELETE', `${CARD}/o/u/a`)).status).toBe(204);
      expect(idsOf(await api.call(key, 'GET', LIST))).toEqual(['o/u/b']);
      expect((await api.call(key, 'GET', `${CARD}/o/u/a`)).status).toBe(404);
    });

    it('26: refuses ids that are none', async () => {
      for (const bad of ['#', '+', '*']) {
        const escaped = encodeURIComponent(bad);
        for (const [field, path] of [
          ['org_id', `${escaped}/u/a`],
          ['unit_id', `o/${escaped}/a`],
          ['agent_id', `o/u/${escaped}`],
        ] as const) {
          const body = { code: 'BAD_REQUEST', message: `Bad ${field} id: ${bad}` };
          expect(await api.register(key, path)).toEqual({ status: 400, body });
        }
      }
    });

    it('27: refuses what is no card', async () => {
      const refused = (message: string) => ({ status: 400, body: { code: 'BAD_REQUEST', message } });
      for (const text of ['', '{', '{}', '1'])
        expect(await api.register(key, 'o/u/a', text)).toEqual(refused('Card does not conform to schema'));
      for (const body of [{}, { card: {} }, { card: null }])
        expect(await api.call(key, 'POST', `${CARD}/o/u/a`, body)).toMatchObject({
          status: 400,
          body: { code: 'BAD_REQUEST' },
        });
      api.broker.registry.configure({ validateSchema: false });
      for (const text of ['{', '1', '[]'])
        expect(await api.register(key, 'o/u/a', text)).toEqual(refused('Card must be a JSON object'));
      expect((await api.register(key, 'o/u/a', '{}')).status).toBe(204);
      const { body } = await api.call(key, 'GET', `${CARD}/o/u/a`);
      expect(body).not.toHaveProperty('name');
    });

    it('28, 29: answers 503 when it is off, 404 without the retained store, and recovers', async () => {
      const all = async (): Promise<number[]> =>
        (
          await Promise.all([
            api.call(key, 'GET', LIST),
            api.call(key, 'GET', `${CARD}/o/u/a`),
            api.call(key, 'DELETE', `${CARD}/o/u/a`),
            api.register(key, 'o/u/a'),
          ])
        ).map(({ status }) => status);
      api.broker.registry.configure({ enabled: false });
      expect(await all()).toEqual([503, 503, 503, 503]);
      const off = { code: 'SERVICE_UNAVAILABLE', message: 'Not enabled' };
      expect(await api.call(key, 'GET', LIST)).toEqual({ status: 503, body: off });
      api.broker.registry.configure({ enabled: true });
      api.broker.setRetainer(false);
      expect(await all()).toEqual([404, 404, 404, 404]);
      const { body } = await api.call(key, 'GET', LIST);
      expect(body).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('retainer') });
      api.broker.setRetainer(true);
      expect(await all()).toEqual([200, 404, 204, 204]);
    });
  });

  it('23, 24: keeps namespaces apart, and shows all to who sees all', async () => {
    await api.register('admin', 'o/u/a');
    await api.register('admin', 'o/u/b');
    expect(idsOf(await api.call('tenant', 'GET', LIST))).toEqual([]);
    expect((await api.call('tenant', 'GET', `${CARD}/o/u/a`)).status).toBe(404);
    expect((await api.call('tenant', 'DELETE', `${CARD}/o/u/a`)).status).toBe(204);
    expect((await api.call('admin', 'POST', `${CARD}/o/u/a?ns=other`, { card: cardText() })).status).toBe(
      204,
    );
    expect(idsOf(await api.call('admin', 'GET', LIST))).toHaveLength(3);
    expect(idsOf(await api.call('admin', 'GET', `${LIST}?only_global=true`))).toHaveLength(2);
    expect(idsOf(await api.call('admin', 'GET', `${LIST}?ns=other`))).toEqual(['o/u/a']);
    expect(await api.call('tenant', 'GET', `${LIST}?ns=other`)).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    const body = { code: 'BAD_REQUEST', message: 'Managed namespace not found' };
    expect(await api.call('admin', 'GET', `${LIST}?ns=nowhere`)).toEqual({ status: 400, body });
    expect(await api.call('admin', 'POST', `${CARD}/o/u/a?ns=nowhere`, { card: cardText() })).toEqual({
      status: 400,
      body,
    });
  });

  it('30: shows its switches, and sets them at once', async () => {
    const path = CONFIG;
    const [on, off] = [
      { enable: true, validate_schema: true },
      { enable: false, validate_schema: false },
    ];
    expect(await api.call('admin', 'GET', path)).toEqual({ status: 200, body: on });
    expect(await api.call('admin', 'PUT', path, off)).toEqual({ status: 200, body: off });
    expect(api.broker.registry.switches).toEqual({ enabled: false, validateSchema: false });
    expect(await api.call('admin', 'PUT', path, on)).toEqual({ status: 200, body: on });
    expect((await api.call('admin', 'PUT', path, { enable: 1 })).status).toBe(400);
    expect((await api.call('admin', 'PUT', path, { max_card_size: 1 })).status).toBe(400);
  });

  it('cannot list what is no JSON object, as EMQX cannot', async () => {
    api.broker.registry.configure({ enabled: false });
    const stranger = await clients.connect(api.mqttUrl);
    await stranger.publishAsync('$a2a/v1/discovery/o/u/a', 'not JSON', { retain: true, qos: 1 });
    api.broker.registry.configure({ enabled: true });
    expect((await api.call('admin', 'GET', LIST)).status).toBe(500);
  });

  it('does not let ids in paths act as wildcards', async () => {
    await api.register('admin', 'o/u/a');
    expect((await api.call('admin', 'GET', `${CARD}/o/u/%2B`)).status).toBe(404);
    expect((await api.call('admin', 'DELETE', `${CARD}/o/u/%23`)).status).toBe(204);
    expect(idsOf(await api.call('admin', 'GET', LIST))).toEqual(['o/u/a']);
  });
});

describe.each([
  ['6.2.0', undefined, 500],
  ['6.2.1', 'global', 500],
  ['6.2.2', 'global', 404],
  ['head', null, 404],
] as const)('the management API of EMQX %s', (emqxVersion, namespace, withoutRetainer) => {
  beforeEach(() => startBroker({ profile: 'emqx', emqxVersion }));

  it('names the global namespace its own way', async () => {
    await api.register('admin', 'o/u/a');
    const { body } = await api.call('admin', 'GET', `${CARD}/o/u/a`);
    expect((body as { namespace?: string | null }).namespace).toBe(namespace);
    api.broker.setRetainer(false);
    expect((await api.call('admin', 'GET', LIST)).status).toBe(withoutRetainer);
  });
});

describe("Shoal's management API", () => {
  beforeEach(() => startBroker({}));

  it('searches, and says what is wrong with a card', async () => {
    const skill = { id: 'vibration', name: 'V', description: 'bearing faults', tags: ['Diagnosis'] };
    await api.register('admin', 'o/u/a');
    await api.register('admin', 'o/v/b', cardText({ name: 'analyst', skills: [skill] }));
    const agent = await clients.connect(api.mqttUrl, { clientId: 'o/v/b' });
    expect(agent.connected).toBe(true);
    for (const query of [
      'skill=vibration',
      'tag=diagnosis',
      'text=bearing%20analyst',
      'status=online',
      'unit_id=v',
    ])
      expect([query, idsOf(await api.call('admin', 'GET', `${LIST}?${query}`))]).toEqual([query, ['o/v/b']]);
    expect((await api.call('admin', 'GET', `${LIST}?status=maybe`)).status).toBe(400);
    const { body } = await api.register('admin', 'o/u/a', '{"name":"x"}');
    expect(body).toMatchObject({
      message: expect.stringMatching(/^Card does not conform to schema: description/),
    });
  });

  it('tells live subscribers, and agents find their cards as if they had published them', async () => {
    const watcher = await clients.connect(api.mqttUrl);
    const inbox = new Inbox(watcher);
    await watcher.subscribeAsync('$a2a/v1/discovery/+/+/+', { qos: 1 });
    await api.register('admin', 'o/u/a');
    expect((await inbox.next()).payload).toBe(cardText());
    await api.call('admin', 'DELETE', `${CARD}/o/u/a`);
    expect((await inbox.next()).payload).toBe('');
  });

  it('lists what is no JSON object without what it lacks', async () => {
    api.broker.registry.configure({ enabled: false });
    const stranger = await clients.connect(api.mqttUrl);
    await stranger.publishAsync('$a2a/v1/discovery/o/u/a', 'not JSON', { retain: true, qos: 1 });
    api.broker.registry.configure({ enabled: true });
    expect(await api.call('admin', 'GET', LIST)).toMatchObject({ status: 200, body: [{ raw: 'not JSON' }] });
  });
});
