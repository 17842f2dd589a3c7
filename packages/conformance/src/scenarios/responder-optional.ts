import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { groupIdOf, poolRequestTopic } from '@shoal/protocol';
import { NotRun } from '../core/conformance-error.ts';
import { params } from '../core/request.ts';
import { at, propertyValues, stateOf, type Reply } from '../core/reply.ts';
import { AUDIENCE, ISSUER, TokenIssuer, tampered, unsigned } from '../core/tokens.ts';
import type { Client } from '../io/client.ts';
import type { ResponderStage, RunningResponder } from '../io/responder-stage.ts';
import { brief, completes, COMPLETED, errorOf, last, send, stream } from './expectations.ts';
import type { ResponderScenario } from './scenario.ts';

const role = 'responder';

/** Two members of a pool of this scenario's own, and their group ids as they subscribed. */
async function pool(stage: ResponderStage, name = 'workers') {
  const poolId = stage.address(name).agentId;
  const { org, unit } = stage.options;
  const topic = poolRequestTopic({ org, unit, poolId });
  await assertDelivers(stage);
  const start = { variant: 'pool', values: { pool: poolId } } as const;
  const members = [await stage.another(start), await stage.another(start)];
  const groups = await Promise.all(members.map((member) => groupOf(stage, member, topic)));
  return { topic, members, groups, group: groupIdOf({ org, unit, poolId }) };
}

async function groupOf(stage: ResponderStage, { tap }: RunningResponder, topic: string): Promise<string> {
  const { packet } = await tap.until(
    `shared subscription to ${topic}`,
    ({ from, packet }) =>
      from === 'subject' &&
      packet.cmd === 'subscribe' &&
      packet.subscriptions.some((one) => one.topic.startsWith('$share/') && one.topic.endsWith(`/${topic}`)),
    stage.options.timeoutMs,
  );
  const filters = packet.cmd === 'subscribe' ? packet.subscriptions.map((one) => one.topic) : [];
  await tap.until(
    'SUBACK of the shared subscription',
    ({ from, packet: ack }) =>
      from === 'broker' && ack.cmd === 'suback' && ack.messageId === packet.messageId,
    stage.options.timeoutMs,
  );
  return filters.find((filter) => filter.startsWith('$share/'))?.split('/')[1] ?? '';
}

/** Some brokers grant `$share/g/$a2a/…` and deliver nothing on it: no responder can be tested there. */
async function assertDelivers(stage: ResponderStage): Promise<void> {
  const topic = `$a2a/v1/request/${stage.options.org}/${stage.options.unit}/pool/probe-${randomUUID()}`;
  const watcher = await stage.watch(`$share/probe/${topic}`);
  const wire = await stage.wire();
  await wire.publish(topic, 'probe');
  const seen = await watcher.tryUntil(() => true, Math.min(1_000, stage.options.timeoutMs));
  if (seen === undefined)
    throw new NotRun('the broker delivers nothing on shared subscriptions to $a2a topics');
}

async function askPool(stage: ResponderStage, client: Client, topic: string, text: string): Promise<Reply[]> {
  return client.request(stage.target, { ...send(text), topic }).until();
}

const pools: readonly ResponderScenario[] = [
  {
    id: 'V60.once',
    role,
    title: 'each of 20 requests to a pool of two is handled once, and both members can be reached',
    requirements: ['T3', 'RS2', 'P3'],
    variant: 'pool',
    async run(stage) {
      const { topic } = await pool(stage);
      const client = await stage.requester();
      const all = Array.from({ length: 20 }, (_, n) =>
        client.request(stage.target, { ...send(`n${n}`), topic }),
      );
      for (const exchange of all) await completes(exchange);
      await stage.quiet();
      for (const { replies } of all)
        equal(replies.filter(({ json }) => stateOf(json) === COMPLETED).length, 1, 'answers to one request');
    },
  },
  {
    id: 'V60.responder-id',
    role,
    title: 'every reply to a pooled request names the agent that answers',
    requirements: ['RS10', 'P9'],
    variant: 'pool',
    async run(stage) {
      const { topic, members } = await pool(stage);
      const ids = members.map(({ address }) => address.agentId);
      const client = await stage.requester();
      for (const { packet } of await askPool(stage, client, topic, 'who?')) {
        const named = propertyValues(packet, 'a2a-responder-agent-id');
        ok(named.length === 1 && ids.includes(named[0] as string), `a2a-responder-agent-id ${named.join()}`);
      }
    },
  },
  {
    id: 'V60.direct',
    role,
    title: 'a pooled task can be asked for at the agent that answered',
    requirements: ['RS10'],
    variant: 'pool',
    async run(stage) {
      const { topic } = await pool(stage);
      const client = await stage.requester();
      const init = params('x');
      const reply = await last(client.request(stage.target, { method: 'SendMessage', params: init, topic }));
      const agentId = propertyValues(reply.packet, 'a2a-responder-agent-id')[0] ?? 'nobody';
      const target = { ...stage.target, agentId };
      const asked = client.request(target, { method: 'GetTask', params: { id: init.message.taskId } });
      equal(at((await asked.next()).json, 'result', 'id'), init.message.taskId);
    },
  },
  {
    id: 'V60.group',
    role,
    title: 'all members subscribe with one group id, the recommended one',
    requirements: ['P4', 'P5', 'P7'],
    variant: 'pool',
    async run(stage) {
      const { groups, group } = await pool(stage);
      deepEqual(groups, [group, group]);
    },
  },
  {
    id: 'V60.long-group',
    role,
    title: 'a long pool id gives a group id of at most 64 characters, the same for all members',
    requirements: ['P8', 'P4'],
    variant: 'pool',
    async run(stage) {
      const { groups } = await pool(stage, `workers-${'x'.repeat(60)}`);
      equal(new Set(groups).size, 1, groups.join(', '));
      ok((groups[0]?.length ?? 99) <= 64, `${groups[0]?.length} characters`);
    },
  },
];

const BYTES = 3_000;
const content = Buffer.from(Array.from({ length: BYTES }, (_, n) => n % 251));

/** Bytes of the `raw` parts of all artifacts, in the order of their items. */
function rawBytes(replies: readonly Reply[]): Buffer {
  const chunks: Buffer[] = [];
  for (const { json } of replies) {
    const artifacts = [
      at(json, 'result', 'artifactUpdate', 'artifact'),
      at(json, 'result', 'task', 'artifacts'),
    ]
      .flat()
      .filter((artifact) => artifact !== undefined);
    for (const artifact of artifacts)
      for (const part of [at(artifact, 'parts')].flat()) {
        const raw = at(part, 'raw');
        if (typeof raw === 'string') chunks.push(Buffer.from(raw, 'base64'));
      }
  }
  return Buffer.concat(chunks);
}

const isChunk = ({ packet }: Reply): boolean => propertyValues(packet, 'a2a-chunk-seqno').length > 0;

/** The chunks of a binary artifact, when the subject takes that mode; its right is to say json. */
async function binaryStream(stage: ResponderStage) {
  const client = await stage.requester();
  const init = params(`bytes ${BYTES}`);
  const exchange = client.request(stage.target, {
    method: 'SendStreamingMessage',
    params: init,
    userProperties: { 'a2a-artifact-mode': 'binary' },
  });
  const replies = await exchange.until(
    (json) => stateOf(json) === COMPLETED || at(json, 'error') !== undefined,
  );
  const chunks = replies.filter(isChunk);
  if (chunks.length === 0) {
    deepEqual(rawBytes(replies), content, 'the artifact as JSON');
    throw new NotRun('the subject answers in json mode, as it may');
  }
  return { init, replies, chunks };
}

const binary: readonly ResponderScenario[] = [
  ...[undefined, 'json', 'zip'].map((mode): ResponderScenario => ({
    id: `V62.mode-${mode ?? 'absent'}`,
    role,
    title: `artifact mode ${mode ?? 'not set'}: the bytes come as base64 in JSON`,
    requirements: ['N3'],
    offers: ['bytes'],
    async run(stage) {
      const client = await stage.requester();
      const userProperties = mode === undefined ? {} : { 'a2a-artifact-mode': mode };
      const replies = await client
        .request(stage.target, { ...stream(`bytes ${BYTES}`), userProperties })
        .until();
      equal(replies.filter(isChunk).length, 0, 'raw chunks');
      deepEqual(rawBytes(replies), content);
      for (const { packet } of replies)
        ok(!propertyValues(packet, 'a2a-artifact-mode').includes('binary'), 'no reply says binary');
    },
  })),
  {
    id: 'V62.chunks',
    role,
    title: 'binary mode: raw chunks from 0 on, whose bytes are the artifact; true only on the last',
    requirements: ['N5', 'N2', 'N7', 'N8'],
    offers: ['bytes'],
    async run(stage) {
      const { init, chunks } = await binaryStream(stage);
      chunks.forEach(({ packet }, index) => {
        const property = (name: string): string => propertyValues(packet, name).join();
        equal(packet.properties?.payloadFormatIndicator ?? false, false, 'payload format indicator 0');
        equal(packet.qos, 1);
        equal(property('a2a-event-type'), 'task-artifact-update');
        equal(property('a2a-task-id'), init.message.taskId);
        ok(property('a2a-artifact-id') !== '', 'a2a-artifact-id');
        equal(property('a2a-chunk-seqno'), String(index));
        equal(property('a2a-last-chunk'), String(index === chunks.length - 1));
      });
      deepEqual(Buffer.concat(chunks.map(({ packet }) => Buffer.from(packet.payload as Buffer))), content);
    },
  },
  {
    id: 'V62.last-chunk',
    role,
    title: 'the last chunk does not end the stream: COMPLETED comes after it',
    requirements: ['N9'],
    offers: ['bytes'],
    async run(stage) {
      const { replies } = await binaryStream(stage);
      equal(stateOf(replies.at(-1)?.json), COMPLETED);
      ok(!isChunk(replies.at(-1) as Reply), 'the last item is JSON');
    },
  },
  {
    id: 'V62.chosen',
    role,
    title: 'the reply names the mode that was chosen',
    requirements: ['N4'],
    offers: ['bytes'],
    async run(stage) {
      const { replies } = await binaryStream(stage);
      const named = replies.flatMap(({ packet }) => propertyValues(packet, 'a2a-artifact-mode'));
      ok(named.length > 0 && named.every((mode) => mode === 'binary'), `a2a-artifact-mode ${named.join()}`);
    },
  },
];

async function bearerAgent(stage: ResponderStage) {
  const issuer = new TokenIssuer();
  const values = { issuer: ISSUER, audience: AUDIENCE, jwks: issuer.jwks };
  const { address } = await stage.another({ variant: 'bearer', values });
  return { issuer, address, client: await stage.requester() };
}

const now = (): number => Math.floor(Date.now() / 1_000);

const bearer: readonly ResponderScenario[] = [
  {
    id: 'V61.valid',
    role,
    title: 'a request with a valid token is served, and the token appears in no reply',
    requirements: ['O3'],
    variant: 'bearer',
    async run(stage) {
      const { issuer, address, client } = await bearerAgent(stage);
      const token = issuer.token(now());
      stage.secrets.push(token);
      const userProperties = { 'a2a-authorization': `Bearer ${token}` };
      const exchange = client.request(address, { ...send('secret business'), userProperties });
      await completes(exchange);
      for (const { packet } of exchange.replies)
        ok(
          !JSON.stringify(packet.properties ?? {}).includes(token) &&
            !packet.payload.toString().includes(token),
          'a reply shows the token',
        );
    },
  },
  ...[
    { id: 'none', what: 'no token', make: (): string | undefined => undefined, extra: ['O2'] },
    {
      id: 'expired',
      what: 'an expired token',
      make: (one: TokenIssuer) => one.token(now(), { expiresInSeconds: -600 }),
    },
    {
      id: 'audience',
      what: 'a token for somebody else',
      make: (one: TokenIssuer) => one.token(now(), { aud: 'other' }),
    },
    {
      id: 'issuer',
      what: 'a token of another issuer',
      make: (one: TokenIssuer) => one.token(now(), { iss: 'https://other.invalid' }),
    },
    {
      id: 'scope',
      what: 'a token without the scope',
      make: (one: TokenIssuer) => one.token(now(), { scope: 'nothing' }),
    },
    {
      id: 'tampered',
      what: 'a token whose claims were changed',
      make: (one: TokenIssuer) => tampered(one.token(now())),
    },
    {
      id: 'unsigned',
      what: 'a token without signature',
      make: (one: TokenIssuer) => unsigned(one.token(now())),
    },
    {
      id: 'foreign-key',
      what: 'a token that another key signed',
      make: () => new TokenIssuer().token(now()),
    },
  ].map(({ id, what, make, extra = [] }): ResponderScenario => ({
    id: `V61.${id}`,
    role,
    title: `a request with ${what} is answered with an error and not executed`,
    requirements: ['O3', ...extra],
    variant: 'bearer',
    offers: ['count'],
    async run(stage) {
      const { issuer, address, client } = await bearerAgent(stage);
      const key = randomUUID();
      const token = make(issuer);
      const bad = token === undefined ? {} : { 'a2a-authorization': `Bearer ${token}` };
      const { json } = await client.request(address, { ...send(`count ${key}`), userProperties: bad }).next();
      errorOf(json);
      const userProperties = { 'a2a-authorization': `Bearer ${issuer.token(now())}` };
      const text = await completes(client.request(address, { ...send(`count ${key}`), userProperties }));
      ok(text.includes(`${key}=1`), `it was not executed: ${text}`);
      ok(token === undefined || !JSON.stringify(json).includes(token), 'the error shows the token');
    },
  })),
];

const echoes: readonly ResponderScenario[] = [
  {
    id: 'V61.not-echoed',
    role,
    title: 'a token that comes with a request is shown by no reply and no other publish, by an error neither',
    requirements: ['O5', 'RS11'],
    async run(stage) {
      const token = new TokenIssuer().token(now());
      stage.secrets.push(token);
      const client = await stage.requester();
      const userProperties = { 'a2a-authorization': `Bearer ${token}` };
      await last(client.request(stage.target, { ...send('secret business'), userProperties }));
      await client.request(stage.target, { method: 'Nope', params: {}, userProperties }).next();
      for (const { topic, properties, payload } of stage.running.tap.sent('publish'))
        ok(
          !JSON.stringify(properties ?? {}).includes(token) && !payload.toString().includes(token),
          `a publish on ${topic} shows the token`,
        );
    },
  },
];

const handover: readonly ResponderScenario[] = [
  {
    id: 'V60.handover',
    role,
    title: 'a handover names the delegate on the reply, and keeps the task id',
    requirements: ['H2', 'H6', 'H1'],
    offers: ['handover'],
    async run(stage) {
      const client = await stage.requester();
      const delegate = await stage.fakeResponder();
      // Whether and how the delegate hears of it is the subject's own affair; if it is asked, it does the work.
      void delegate.tryNext(stage.options.timeoutMs).then((asked) => {
        if (asked !== undefined) return delegate.replyTask(asked, COMPLETED, 'by the delegate');
        return undefined;
      });
      const { agentId } = delegate.address;
      const init = params(`handover ${agentId}`);
      const replies = await client
        .request(stage.target, { method: 'SendStreamingMessage', params: init })
        .until();
      const named = replies.flatMap(({ packet }) => propertyValues(packet, 'a2a-responder-agent-id'));
      equal(named.at(-1), agentId, `a2a-responder-agent-id of ${brief(replies.map(({ json }) => json))}`);
      for (const { json } of replies) {
        const about = at(json, 'result', 'task', 'id') ?? at(json, 'result', 'statusUpdate', 'taskId');
        if (about !== undefined) equal(about, init.message.taskId);
      }
    },
  },
];

export const responderOptional: readonly ResponderScenario[] = [
  ...pools,
  ...handover,
  ...echoes,
  ...bearer,
  ...binary,
];
