import { createBroker } from '@shoal/broker';
import type { InboundMessage, Link } from '@shoal/mqtt-link';
import { openLink } from '@shoal/mqtt-link';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import type { AgentAddress, StreamResponse, Task } from '@shoal/protocol';
import { clientIdOf, requestTopic } from '@shoal/protocol';
import * as fc from 'fast-check';
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toChunks, readChunk } from './core/artifact-chunks.ts';
import type { ReceivedChunk } from './core/artifact-chunks.ts';
import { base64Bytes, encodeBase64, tryDecodeBase64 } from './core/base64.ts';
import { Reassembly } from './core/reassembly.ts';
import type { Agent, AgentOptions, Requester } from './index.ts';
import { bytesOf, bytesPart, createAgent, createRequester } from './index.ts';

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

async function embedded(): Promise<Running> {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  return { url: tcp!.url, stop: () => broker.stop() };
}

describe('chunks (profile: Native Binary Artifact Mode)', () => {
  const update = (bytes: Uint8Array, fields: object = {}) => ({
    taskId: 't',
    contextId: 'c',
    artifact: {
      artifactId: 'a',
      name: 'Photo',
      parts: [bytesPart(bytes, { mediaType: 'image/png', filename: 'p.png' })],
    },
    ...fields,
  });
  const received = (chunk: NonNullable<ReturnType<typeof toChunks>>[number]): ReceivedChunk => {
    const { bytes: payload, contentType, userProperties } = chunk;
    return readChunk({
      payload,
      userProperties,
      ...(contentType === undefined ? {} : { contentType }),
    }) as ReceivedChunk;
  };

  it('base64 survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(tryDecodeBase64(text)).toEqual(bytes);
        expect(base64Bytes(text)).toBe(bytes.length);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
    expect(tryDecodeBase64('%')).toBeUndefined();
  });

  it('say what the profile asks for, are counted from 0, and the last one says so', () => {
    const chunks = toChunks(update(new Uint8Array(25)), new Map(), 10)!;
    expect(chunks.map(({ bytes }) => bytes.length)).toEqual([10, 10, 5]);
    expect(chunks.map(({ userProperties: p }) => [p['a2a-chunk-seqno'], p['a2a-last-chunk']])).toEqual([
      ['0', 'false'],
      ['1', 'false'],
      ['2', 'true'],
    ]);
    expect(chunks[1]!.userProperties).toEqual({
      'a2a-artifact-mode': 'binary',
      'a2a-event-type': 'task-artifact-update',
      'a2a-task-id': 't',
      'a2a-context-id': 'c',
      'a2a-artifact-id': 'a',
      'a2a-chunk-seqno': '1',
      'a2a-last-chunk': 'false',
    });
    expect(chunks[0]!.contentType).toBe('image/png');
  });

  it('in any order, with repeats, become the bytes again, once, with name and type', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }).chain((bytes) => {
          const chunks = toChunks(update(bytes), new Map(), 16)!.map(received);
          const all = [...chunks, ...chunks];
          return fc.tuple(fc.constant(bytes), fc.shuffledSubarray(all, { minLength: all.length }));
        }),
        ([bytes, arrivals]) => {
          const reassembly = new Reassembly(10_000);
          const complete = arrivals.flatMap((chunk) => {
            const assembled = reassembly.add(chunk);
            return assembled.kind === 'complete' ? [assembled.update.artifact] : [];
          });
          expect(complete).toHaveLength(1);
          expect(complete[0]).toMatchObject({
            artifactId: 'a',
            name: 'Photo',
            parts: [{ mediaType: 'image/png', filename: 'p.png' }],
          });
          expect(bytesOf(complete[0]!.parts[0]!)).toEqual(bytes);
          expect(reassembly.incomplete).toBe(false);
        },
      ),
    );
  });

  it('pieces that are appended continue the series; what was not begun in chunks goes as JSON', () => {
    const open = new Map<string, number>();
    const first = toChunks(update(new Uint8Array(3), { lastChunk: false }), open, 10)!;
    const second = toChunks(update(new Uint8Array(3), { append: true, lastChunk: true }), open, 10)!;
    expect([...first, ...second].map(({ userProperties: p }) => p['a2a-chunk-seqno'])).toEqual(['0', '1']);
    expect(second[0]!.userProperties['a2a-last-chunk']).toBe('true');
    expect(toChunks(update(new Uint8Array(3), { append: true }), open, 10)).toBeUndefined();
    const text = { taskId: 't', contextId: 'c', artifact: { artifactId: 'a', parts: [{ text: 'x' }] } };
    expect(toChunks(text, open, 10)).toBeUndefined();
  });

  it('too many bytes, a chunk after the last one, and malformed ones are faults', () => {
    const chunks = toChunks(update(new Uint8Array(25)), new Map(), 10)!.map(received);
    const small = new Reassembly(15);
    small.add(chunks[0]!);
    expect(small.add(chunks[1]!)).toMatchObject({ kind: 'fault', code: 'artifact-too-large' });
    const reassembly = new Reassembly(1_000);
    reassembly.add({ ...chunks[1]!, last: true });
    expect(reassembly.add(chunks[2]!)).toMatchObject({ kind: 'fault', code: 'invalid-response' });
    const many = new Reassembly(1_000);
    const outcomes = Array.from({ length: 65 }, (_, n) => many.add({ ...chunks[0]!, artifactId: String(n) }));
    expect(outcomes.at(-1)).toMatchObject({ kind: 'fault' });
    const properties = toChunks(update(new Uint8Array(1)), new Map(), 10)![0]!.userProperties;
    for (const name of ['a2a-task-id', 'a2a-artifact-id', 'a2a-chunk-seqno', 'a2a-last-chunk']) {
      const userProperties = { ...properties, [name]: name.endsWith('id') ? '' : 'x' };
      expect(readChunk({ payload: new Uint8Array(), userProperties })).toHaveProperty('fault');
    }
  });
});

const brokers = [
  { name: 'the embedded broker', start: embedded, skip: false },
  { name: 'Mosquitto', start: (): Promise<Running> => startMosquitto(), skip: mosquittoPath() === undefined },
];

for (const { name, start, skip } of brokers) {
  describe.skipIf(skip)(`artifacts on ${name}${skip ? ' (not installed)' : ''} (V62)`, () => {
    let running: Running;
    let link: Link;
    let requester: Requester;
    const stops: (() => Promise<unknown>)[] = [];
    const replies: InboundMessage[] = [];
    const address = (agentId: string): AgentAddress => ({ org: 'acme', unit: 'plant', agentId });
    const photo = new Uint8Array(randomBytes(300_000));
    beforeAll(async () => {
      running = await start();
      link = await openLink({ url: running.url, clientId: 'acme/plant/me' });
      requester = createRequester({ link, address: address('me') });
      // On the connection of the requester: what its streams have seen, this has seen.
      await link.subscribe(
        '$a2a/v1/reply/#',
        (message) => void replies.push({ ...message, payload: message.payload.slice(), text: () => '' }),
      );
      stops.push(() => link.close());
    });
    afterAll(async () => {
      await Promise.all(stops.map((stop) => stop()));
      await running.stop();
    });

    async function agent(agentId: string, options: Partial<AgentOptions>): Promise<Agent> {
      const made = createAgent({
        url: running.url,
        ...address(agentId),
        card: { name: agentId, description: 'Sends photos.' },
        handle: async (task) => {
          await task.artifact({ name: 'Photo', parts: [bytesPart(photo, { mediaType: 'image/png' })] });
          return { text: 'done' };
        },
        ...options,
      });
      stops.push(() => made.stop({ graceMs: 0 }));
      await made.start();
      return made;
    }

    async function collect(stream: AsyncIterable<StreamResponse>): Promise<StreamResponse[]> {
      const items: StreamResponse[] = [];
      for await (const item of stream) items.push(item);
      return items;
    }

    const photoIn = (items: readonly StreamResponse[]): Uint8Array | undefined =>
      items
        .map(({ artifactUpdate }) => artifactUpdate?.artifact.parts[0])
        .map((part) => part && bytesOf(part))
        .find(Boolean);

    it('asked for as binary come as bytes, and are the same item in the end', async () => {
      const camera = await agent('camera-a', {});
      replies.length = 0;
      const items = await collect(requester.stream(camera.address, 'x', { artifactMode: 'binary' }));
      expect(Buffer.from(photoIn(items)!).equals(photo)).toBe(true);
      const artifact = items.find(({ artifactUpdate }) => artifactUpdate?.artifact.name === 'Photo');
      expect(artifact?.artifactUpdate).toMatchObject({
        lastChunk: true,
        artifact: { parts: [{ mediaType: 'image/png' }] },
      });
      expect(items.at(-1)?.statusUpdate?.status.state).toBe('TASK_STATE_COMPLETED');
      const chunks = replies.filter(
        ({ userProperties: p }) => p['a2a-event-type'] === 'task-artifact-update',
      );
      expect(chunks.length).toBe(Math.ceil(photo.length / 65_536));
      expect(chunks.every(({ contentType, qos }) => contentType === 'image/png' && qos === 1)).toBe(true);
      expect(replies.every(({ userProperties: p }) => p['a2a-artifact-mode'] === 'binary')).toBe(true);
      expect(chunks.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(photo.length);
    });

    it('asked for in a mode that is not known, or not asked for, come in JSON; the replies say which', async () => {
      const camera = await agent('camera-b', {});
      for (const [mode, said] of [
        ['zip', 'json'],
        ['json', 'json'],
        [undefined, undefined],
      ] as const) {
        replies.length = 0;
        const userProperties = mode === undefined ? {} : { 'a2a-artifact-mode': mode };
        const items = await collect(requester.stream(camera.address, 'x', { userProperties }));
        expect(Buffer.from(photoIn(items)!).equals(photo)).toBe(true);
        expect(new Set(replies.map(({ userProperties: p }) => p['a2a-artifact-mode']))).toEqual(
          new Set([said]),
        );
      }
    });

    it('that are too large become references when there is a store, and an error that says the fix when there is none', async () => {
      const stored: number[] = [];
      const store = {
        put: ({ bytes, artifactId }: { bytes: Uint8Array; artifactId: string }): Promise<string> => {
          stored.push(bytes.length);
          return Promise.resolve(`https://files.example/${artifactId}`);
        },
      };
      const camera = await agent('camera-c', { artifacts: { inlineLimitBytes: 1_000, store } });
      const task = (await requester.send(camera.address, 'x')) as Task;
      expect(stored).toEqual([photo.length]);
      expect(task.artifacts?.[0]?.parts).toEqual([
        { url: 'https://files.example/artifact-1', mediaType: 'image/png' },
      ]);
      const bare = await agent('camera-d', {
        artifacts: { inlineLimitBytes: 1_000 },
        handle: () => ({ parts: [bytesPart(photo)] }),
      });
      const failed = (await requester.send(bare.address, 'x')) as Task;
      expect(failed.status.state).toBe('TASK_STATE_FAILED');
      expect(JSON.stringify(failed.status.message)).toContain('give the agent an artifacts.store');
    });

    /** A responder of another make: what it sends is up to the test. */
    async function responder(
      agentId: string,
      stream: (say: Say, taskId: string) => Promise<void>,
      task: (taskId: string) => object = () => ({}),
    ): Promise<AgentAddress> {
      const other = await openLink({ url: running.url, clientId: clientIdOf(address(agentId)) });
      stops.push(() => other.close());
      await other.subscribe(requestTopic(address(agentId)), async (message) => {
        const { id, method, params } = JSON.parse(message.text()) as {
          id: number;
          method: string;
          params: { id: string; message: { taskId: string } };
        };
        const to = { correlationData: message.correlationData! };
        const result = (value: object): Promise<unknown> =>
          other.publish(message.responseTopic!, JSON.stringify({ jsonrpc: '2.0', id, result: value }), to);
        if (method === 'GetTask') return void (await result(task(params.id)));
        const { taskId } = params.message;
        const say: Say = {
          item: result,
          chunk: (seqno, payload, last, artifactId = 'a') =>
            other.publish(message.responseTopic!, payload, {
              ...to,
              userProperties: {
                'a2a-event-type': 'task-artifact-update',
                'a2a-task-id': taskId,
                'a2a-artifact-id': artifactId,
                'a2a-chunk-seqno': String(seqno),
                'a2a-last-chunk': String(last),
              },
            }),
        };
        return stream(say, taskId);
      });
      return address(agentId);
    }
    interface Say {
      item(value: object): Promise<unknown>;
      chunk(seqno: number, payload: string, last: boolean, artifactId?: string): Promise<unknown>;
    }
    const status = (taskId: string, state: string): object => ({
      statusUpdate: { taskId, contextId: 'c', status: { state } },
    });

    it('whose chunks come twice and out of order are put in order; the last chunk does not end the stream', async () => {
      const camera = await responder('camera-e', async (say, taskId) => {
        await say.item(status(taskId, 'TASK_STATE_WORKING'));
        for (const [seqno, text, last] of [
          [2, 'c', true],
          [0, 'a', false],
          [0, 'a', false],
          [1, 'b', false],
          [2, 'c', true],
        ] as const)
          await say.chunk(seqno, text, last);
        await say.item(status(taskId, 'TASK_STATE_WORKING'));
        await say.item(status(taskId, 'TASK_STATE_COMPLETED'));
      });
      const items = await collect(requester.stream(camera, 'x', { artifactMode: 'binary' }));
      expect(items.filter(({ artifactUpdate }) => artifactUpdate !== undefined)).toHaveLength(1);
      expect(new TextDecoder().decode(photoIn(items))).toBe('abc');
      expect(items).toHaveLength(4);
    });

    it('of which a chunk is lost are read from the task when the stream ends', async () => {
      const artifacts = [{ artifactId: 'a', parts: [{ raw: btoa('abc') }] }];
      const camera = await responder(
        'camera-f',
        async (say, taskId) => {
          await say.chunk(0, 'a', false);
          await say.chunk(2, 'c', true);
          await say.item(status(taskId, 'TASK_STATE_COMPLETED'));
        },
        (id) => ({ id, contextId: 'c', status: { state: 'TASK_STATE_COMPLETED' }, artifacts }),
      );
      const items = await collect(requester.stream(camera, 'x', { artifactMode: 'binary' }));
      expect(items).toMatchObject([{ task: { artifacts } }]);
    });

    it('larger than what the caller keeps fail its stream, and those of another task are not believed', async () => {
      const camera = await responder('camera-g', (say) =>
        say.chunk(0, 'x'.repeat(100), false).then(() => undefined),
      );
      const options = { artifactMode: 'binary', maxArtifactBytes: 50 } as const;
      await expect(collect(requester.stream(camera, 'x', options))).rejects.toMatchObject({
        code: 'artifact-too-large',
      });
      const liar = await responder('camera-h', async (say) => {
        await say.item(status(randomUUID(), 'TASK_STATE_WORKING'));
      });
      await expect(collect(requester.stream(liar, 'x'))).rejects.toMatchObject({ code: 'invalid-response' });
    });
  });
}
