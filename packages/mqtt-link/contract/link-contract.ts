import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  createReplyRouter,
  openLink,
  readRetained,
  retainedArrived,
  type InboundMessage,
  type Link,
  type LinkOptions,
} from '../src/index.ts';
import { nextEvent, startFaultProxy, type FaultProxy } from '../src/testing/index.ts';

export interface ContractBroker {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly wsUrl: string;
  stop(): Promise<unknown>;
}

export interface ContractOptions {
  /** Why nothing can run, e.g. because the broker is not installed. */
  readonly missing?: string | undefined;
  /** Why a test cannot hold on this broker, by the test's name. */
  readonly skip?: Readonly<Record<string, string>>;
}

const QUICK = { minDelayMs: 10, maxDelayMs: 50 };

/** What a link promises, on any broker, over TCP and WebSocket. */
export function linkContract(
  name: string,
  startBroker: () => Promise<ContractBroker>,
  options: ContractOptions = {},
): void {
  describe.each(['tcp', 'websocket'] as const)(`${name} over %s`, (transport) => {
    let broker: ContractBroker;
    let unique = 0;
    const links: Link[] = [];
    const proxies: FaultProxy[] = [];

    beforeAll(async () => {
      if (options.missing === undefined) broker = await startBroker();
    });
    afterAll(async () => {
      if (options.missing === undefined) await broker.stop();
    });
    afterEach(async () => {
      for (const link of links.splice(0)) link.destroy();
      await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
    });

    const id = (): string => `acme/plant/${transport}-${(unique += 1)}`;
    const topicOf = (suffix = ''): string => `contract/${transport}/${(unique += 1)}${suffix}`;
    const open = async (more: Partial<LinkOptions> = {}): Promise<Link> => {
      const url = transport === 'tcp' ? broker.url : broker.wsUrl;
      const link = await openLink({ url, clientId: id(), reconnect: QUICK, ...more });
      links.push(link);
      return link;
    };
    const startProxy = async (): Promise<FaultProxy> => {
      const { hostname, port } = new URL(transport === 'tcp' ? broker.url : broker.wsUrl);
      const proxy = await startFaultProxy({ host: hostname, port: Number(port) });
      proxies.push(proxy);
      return proxy;
    };
    const through = (proxy: FaultProxy): string =>
      transport === 'tcp' ? proxy.url : proxy.url.replace('mqtt:', 'ws:');
    const promise = (title: string, run: () => Promise<void>): void => {
      const reason = options.missing ?? options.skip?.[title];
      const label = reason === undefined ? title : `${title} (${reason})`;
      // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- titles and assertions are the callers'
      test.skipIf(reason !== undefined)(label, run);
    };

    describe('publishing and subscribing', () => {
      promise('every field of a message arrives', async () => {
        const link = await open();
        const topic = topicOf();
        const got = collect();
        await link.subscribe(topic, got.handler);
        const ack = await link.publish(topic, 'grün', {
          responseTopic: 'reply/here',
          correlationData: Uint8Array.of(0, 255, 128),
          contentType: 'text/plain',
          payloadIsUtf8: true,
          messageExpirySeconds: 60,
          userProperties: { one: 'a', two: ['b', 'c'] },
        });
        expect(ack).toMatchObject({ reasonCode: 0, noMatchingSubscribers: false });
        const [message] = await got.count(1);
        expect(message).toMatchObject({ topic, qos: 1, retain: false, duplicate: false });
        expect(message).toMatchObject({ responseTopic: 'reply/here', contentType: 'text/plain' });
        expect(Buffer.from(message!.correlationData!)).toEqual(Buffer.of(0, 255, 128));
        expect(message!.messageExpirySeconds).toBeLessThanOrEqual(60);
        expect({ ...message!.userProperties }).toEqual({ one: 'a', two: ['b', 'c'] });
        expect(message!.text()).toBe('grün');
        expect(message!.receivedAtMs).toBeLessThanOrEqual(performance.now());
      });

      promise('an acknowledgement tells that nobody listens', async () => {
        const link = await open();
        expect(await link.publish(topicOf(), 'x')).toEqual({ reasonCode: 0x10, noMatchingSubscribers: true });
      });

      promise('a thousand messages of each QoS arrive once and in order', async () => {
        const [sender, receiver] = [await open(), await open()];
        for (const qos of [0, 1, 2] as const) {
          const topic = topicOf();
          const got = collect();
          await receiver.subscribe(topic, got.handler, { qos });
          const acks = Array.from({ length: 1_000 }, (_, index) =>
            sender.publish(topic, String(index), { qos }),
          );
          await Promise.all(acks);
          const messages = await got.count(1_000);
          expect(messages.map((message) => Number(message.text()))).toEqual(acks.map((_, index) => index));
          expect(messages.every((message) => message.qos === qos)).toBe(true);
        }
      });

      promise('a payload may be empty, binary, or large', async () => {
        const link = await open();
        const topic = topicOf();
        const got = collect();
        await link.subscribe(topic, got.handler);
        const large = Buffer.alloc(300_000, 7);
        for (const payload of [new Uint8Array(), Uint8Array.of(1, 2, 255), large])
          await link.publish(topic, payload);
        const messages = await got.count(3);
        expect(messages.map(({ payload }) => payload.length)).toEqual([0, 3, 300_000]);
        expect(Buffer.compare(messages[2]!.payload, large)).toBe(0);
      });

      promise('QoS 0 is braked when the network is slow, and nothing that was accepted is lost', async () => {
        const proxy = await startProxy();
        const link = await open({ url: through(proxy), maxPending: 100 });
        // Over TCP: Mosquitto 2.0.11 stalls when a WebSocket client has much to receive.
        const receiver = await open({ url: broker.url });
        const topic = topicOf();
        const got = collect();
        await receiver.subscribe(topic, got.handler, { qos: 0 });
        proxy.hold('to-broker');
        const payload = Buffer.alloc(100_000);
        const accepted: Promise<unknown>[] = [];
        const refused: unknown[] = [];
        // 400 MB, more than all buffers on the way hold.
        for (let index = 0; index < 4_000 && refused.length === 0; index += 1) {
          accepted.push(
            link.publish(topic, payload, { qos: 0 }).catch((error: unknown) => refused.push(error)),
          );
          if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        proxy.release();
        await Promise.all(accepted);
        expect(refused[0]).toMatchObject({ code: 'queue-full' });
        await got.count(accepted.length - refused.length);
      });

      promise('a handler runs for one message at a time', async () => {
        const link = await open();
        const topic = topicOf();
        const events: string[] = [];
        const done = gate();
        await link.subscribe(topic, async (message) => {
          events.push(`start ${message.text()}`);
          await link.publish(topicOf(), 'elsewhere');
          events.push(`end ${message.text()}`);
          if (message.text() === '3') done.open();
        });
        await Promise.all(['1', '2', '3'].map((text) => link.publish(topic, text)));
        await done.opened;
        expect(events).toEqual(['start 1', 'end 1', 'start 2', 'end 2', 'start 3', 'end 3']);
      });

      promise('with concurrency, that many handlers run at once', async () => {
        const link = await open();
        const topic = topicOf();
        let running = 0;
        let most = 0;
        const three = gate();
        await link.subscribe(
          topic,
          async () => {
            most = Math.max(most, (running += 1));
            if (running === 3) three.open();
            await three.opened;
            running -= 1;
          },
          { concurrency: 3 },
        );
        await Promise.all([1, 2, 3, 4, 5].map(() => link.publish(topic, '')));
        await three.opened;
        expect(most).toBe(3);
      });

      promise('overlapping filters give each handler the message once', async () => {
        const link = await open();
        const base = topicOf();
        const [exact, one, deep] = [collect(), collect(), collect()];
        await link.subscribe(`${base}/a`, exact.handler);
        await link.subscribe(`${base}/+`, one.handler);
        await link.subscribe(`${base}/#`, deep.handler);
        await link.publish(`${base}/a`, '1');
        await link.publish(`${base}/a`, '2');
        await link.publish(`${base}/b`, '3');
        await deep.count(3);
        await link.publish(`${base}/end`, 'end');
        await deep.count(4);
        expect(exact.texts()).toEqual(['1', '2']);
        expect(one.texts()).toEqual(['1', '2', '3', 'end']);
        expect(deep.texts()).toEqual(['1', '2', '3', 'end']);
      });

      promise('two handlers of one filter both get it; closing one leaves the other', async () => {
        const link = await open();
        const topic = topicOf();
        const [first, second] = [collect(), collect()];
        const subscription = await link.subscribe(topic, first.handler);
        expect(subscription).toMatchObject({ filter: topic, grantedQos: 1 });
        await link.subscribe(topic, second.handler);
        await link.publish(topic, 'both');
        await Promise.all([first.count(1), second.count(1)]);
        await subscription.close();
        await subscription.close();
        await link.publish(topic, 'one');
        await second.count(2);
        expect(first.texts()).toEqual(['both']);
      });

      promise('a second handler of a filter gets the retained messages, the first not again', async () => {
        const link = await open();
        const topic = topicOf();
        await link.publish(topic, 'kept', { retain: true });
        const [first, second] = [collect(), collect()];
        await link.subscribe(topic, first.handler);
        await first.count(1);
        await link.subscribe(topic, second.handler);
        await second.count(1);
        await link.publish(topic, 'live', { retain: true });
        await Promise.all([first.count(2), second.count(2)]);
        expect(first.texts()).toEqual(['kept', 'live']);
        expect(second.texts()).toEqual(['kept', 'live']);
      });

      promise('a handler that closes takes with it what only it had asked of the broker', async () => {
        const [link, other] = [await open(), await open()];
        const topic = topicOf();
        const got = collect();
        await link.subscribe(topic, got.handler, { noLocal: true });
        const asPublished = await link.subscribe(topic, () => undefined, { retainAsPublished: true });
        await asPublished.close();
        await link.publish(topic, 'mine', { retain: true });
        await other.publish(topic, 'theirs', { retain: true });
        await got.count(1);
        expect(got.texts()).toEqual(['theirs']);
        expect(got.messages[0]?.retain).toBe(false);
      });

      promise('a handler gets everything while others of its filter come and go', async () => {
        const [link, other] = [await open(), await open()];
        const topic = topicOf();
        await other.publish(topic, '0', { retain: true });
        const got = collect();
        await link.subscribe(topic, got.handler, { retainHandling: 2 });
        const sent: string[] = [];
        for (let n = 1; n <= 20; n += 1) {
          const guest = await link.subscribe(topic, () => undefined, { retainAsPublished: n % 2 === 0 });
          const closing = guest.close();
          sent.push(String(n));
          await other.publish(topic, String(n), { retain: true });
          await closing;
        }
        await vi.waitFor(() => expect(got.texts()).toContain('20'));
        // Replays that a guest asked for as published cannot be told from what is live.
        expect([...new Set(got.texts())].filter((text) => text !== '0')).toEqual(sent);
      });

      promise('the last handler to close unsubscribes', async () => {
        const link = await open();
        const topic = topicOf();
        const subscription = await link.subscribe(topic, () => undefined);
        await subscription.close();
        expect((await link.publish(topic, 'x')).noMatchingSubscribers).toBe(true);
      });

      promise('No Local and retain handling are passed on', async () => {
        const link = await open();
        const topic = topicOf();
        await link.publish(topic, 'kept', { retain: true });
        const got = collect();
        await link.subscribe(topic, got.handler, { noLocal: true, retainHandling: 2 });
        await link.publish(topic, 'mine');
        const other = await open();
        await other.publish(topic, 'theirs');
        await got.count(1);
        expect(got.texts()).toEqual(['theirs']);
      });

      promise('$-topics of the profile work both ways', async () => {
        const link = await open();
        const topic = `$a2a/v1/request/acme/plant/${transport}-agent`;
        const [exact, everything] = [collect(), collect()];
        await link.subscribe('#', everything.handler);
        await link.subscribe(topic, exact.handler);
        await link.publish(topic, 'x');
        await exact.count(1);
        const topicOutside = topicOf();
        await link.publish(topicOutside, 'seen');
        await everything.until((message) => message.topic === topicOutside);
        expect(everything.messages.some((message) => message.topic === topic)).toBe(false);
      });

      promise('a handler that fails is reported and the next message comes', async () => {
        const link = await open();
        const topic = topicOf();
        const errors: Error[] = [];
        link.on('error', (error) => errors.push(error));
        const got = collect();
        await link.subscribe(topic, (message) => {
          got.handler(message);
          if (message.text() === 'throw') throw new Error('thrown');
          if (message.text() === 'reject') return Promise.reject(new Error('rejected'));
          return undefined;
        });
        for (const text of ['throw', 'reject', 'fine']) await link.publish(topic, text);
        await got.count(3);
        expect(errors.map((error) => error.message)).toEqual([
          expect.stringContaining('thrown'),
          expect.stringContaining('rejected'),
        ]);
        expect(link.state).toBe('online');
      });
    });

    describe('manual acknowledgement', () => {
      promise(
        'the acknowledgement waits for the handler, and the handler may publish meanwhile',
        async () => {
          const link = await open({ receiveMaximum: 1 });
          const sender = await open();
          const topic = topicOf();
          const got = collect();
          const first = gate();
          await link.subscribe(
            topic,
            async (message) => {
              got.handler(message);
              await link.publish(`${topic}/progress`, 'x');
              if (message.text() === '1') await first.opened;
            },
            { manualAck: true, concurrency: 2 },
          );
          await sender.publish(topic, '1');
          await sender.publish(topic, '2');
          await got.count(1);
          // With a Receive Maximum of 1 the broker holds the second back until the first is acknowledged.
          await link.publish(topicOf(), 'round trip');
          expect(got.texts()).toEqual(['1']);
          first.open();
          await got.count(2);
        },
      );

      promise('every handler of a packet must be done before it is acknowledged', async () => {
        const link = await open({ receiveMaximum: 1 });
        const sender = await open();
        const topic = topicOf();
        const [slow, quick] = [collect(), collect()];
        const release = gate();
        const handler = async (message: InboundMessage): Promise<void> => {
          slow.handler(message);
          await release.opened;
        };
        await link.subscribe(topic, handler, { manualAck: true });
        await link.subscribe(topic, quick.handler, { manualAck: true });
        await sender.publish(topic, '1');
        await sender.publish(topic, '2');
        await quick.count(1);
        await link.publish(topicOf(), 'round trip');
        expect(quick.texts()).toEqual(['1']);
        release.open();
        await Promise.all([slow.count(2), quick.count(2)]);
      });

      for (const qos of [1, 2] as const) {
        promise(
          `a message of QoS ${qos} that the handler rejected comes again with the session`,
          async () => {
            const proxy = await startProxy();
            const link = await open({ url: through(proxy), cleanStart: false, sessionExpirySeconds: 60 });
            const sender = await open();
            const topic = topicOf();
            const got = collect();
            const subscribed = link.subscribe(
              topic,
              (message) => {
                got.handler(message);
                return got.messages.length === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
              },
              { manualAck: true, qos },
            );
            await subscribed;
            await sender.publish(topic, 'work', { qos });
            await got.count(1);
            const online = nextEvent(link, 'online');
            proxy.cut();
            expect(await online).toEqual({ sessionPresent: true, reconnect: true });
            const messages = await got.count(2);
            expect(messages.map((message) => [message.text(), message.duplicate])).toEqual([
              ['work', false],
              ['work', true],
            ]);
            // Now it is acknowledged: another reconnect brings nothing.
            await sender.publish(topic, 'more', { qos });
            await got.count(3);
            const again = nextEvent(link, 'online');
            proxy.cut();
            await again;
            await sender.publish(topic, 'end', { qos });
            await got.until((message) => message.text() === 'end');
            expect(got.texts().filter((text) => text === 'work')).toHaveLength(2);
          },
        );
      }
    });

    describe('reconnecting', () => {
      promise('subscriptions are restored when the broker forgot them', async () => {
        const proxy = await startProxy();
        const link = await open({ url: through(proxy) });
        const topic = topicOf();
        const got = collect();
        await link.subscribe(topic, got.handler);
        const offline = nextEvent(link, 'offline');
        const online = nextEvent(link, 'online');
        proxy.cut();
        await offline;
        expect(await online).toEqual({ sessionPresent: false, reconnect: true });
        expect((await link.publish(topic, 'after')).noMatchingSubscribers).toBe(false);
        await got.count(1);
      });

      promise('a session keeps what was published meanwhile', async () => {
        const proxy = await startProxy();
        const link = await open({ url: through(proxy), cleanStart: false, sessionExpirySeconds: 60 });
        const sender = await open();
        const topic = topicOf();
        const got = collect();
        await link.subscribe(topic, got.handler);
        proxy.refuse(true);
        const offline = nextEvent(link, 'offline');
        proxy.cut();
        await offline;
        for (const text of ['1', '2', '3']) {
          const { noMatchingSubscribers } = await sender.publish(topic, text);
          expect(noMatchingSubscribers).toBe(false);
        }
        proxy.refuse(false);
        await got.count(3);
        expect(got.texts()).toEqual(['1', '2', '3']);
        // The session still has the subscription.
        await sender.publish(topic, '4');
        await got.count(4);
      });

      promise('a session outlives the process: its messages wait for the handler', async () => {
        const clientId = id();
        const topic = topicOf();
        const options = { clientId, cleanStart: false, sessionExpirySeconds: 60 };
        const first = await open(options);
        await first.subscribe(topic, () => undefined);
        await first.close();
        const sender = await open();
        for (const text of ['1', '2']) await sender.publish(topic, text);
        const second = await open(options);
        const errors: Error[] = [];
        second.on('error', (error) => errors.push(error));
        // A round trip: the broker has sent what it kept.
        await second.publish(topicOf(), 'x');
        const got = collect();
        await second.subscribe(topic, got.handler);
        await got.count(2);
        await sender.publish(topic, '3');
        await got.count(3);
        expect(got.texts()).toEqual(['1', '2', '3']);
      });

      promise('publishes wait for the connection and keep their order', async () => {
        const proxy = await startProxy();
        const link = await open({ url: through(proxy) });
        const receiver = await open();
        const topic = topicOf();
        const got = collect();
        await receiver.subscribe(topic, got.handler);
        proxy.refuse(true);
        const offline = nextEvent(link, 'offline');
        proxy.cut();
        await offline;
        const acks = Array.from({ length: 50 }, (_, index) => link.publish(topic, String(index)));
        proxy.refuse(false);
        await Promise.all(acks);
        await got.count(50);
        expect(got.texts()).toEqual(acks.map((_, index) => String(index)));
      });

      promise('a publish whose acknowledgement was lost is sent again', async () => {
        const proxy = await startProxy();
        const link = await open({ url: through(proxy), cleanStart: false, sessionExpirySeconds: 60 });
        const receiver = await open();
        const topic = topicOf();
        const got = collect();
        await receiver.subscribe(topic, got.handler);
        proxy.hold('to-client');
        const ack = link.publish(topic, 'once more');
        await got.count(1);
        proxy.release();
        proxy.cut();
        await ack;
        expect(got.messages.length).toBeGreaterThanOrEqual(1);
        expect(new Set(got.texts())).toEqual(new Set(['once more']));
      });

      promise('subscriptions made and closed while offline are right after it', async () => {
        const proxy = await startProxy();
        const link = await open({ url: through(proxy), cleanStart: false, sessionExpirySeconds: 60 });
        const [gone, made] = [topicOf(), topicOf()];
        const got = collect();
        const subscription = await link.subscribe(gone, got.handler);
        proxy.refuse(true);
        const offline = nextEvent(link, 'offline');
        proxy.cut();
        await offline;
        await subscription.close();
        const subscribing = link.subscribe(made, got.handler);
        proxy.refuse(false);
        await subscribing;
        await link.publish(made, 'made');
        await got.count(1);
        expect((await link.publish(gone, 'gone')).noMatchingSubscribers).toBe(true);
      });

      promise('what a handler had asked for is gone when it closed while offline', async () => {
        const proxy = await startProxy();
        const link = await open({ url: through(proxy), cleanStart: false, sessionExpirySeconds: 60 });
        const other = await open();
        const topic = topicOf();
        const got = collect();
        await link.subscribe(topic, got.handler);
        const asPublished = await link.subscribe(topic, () => undefined, { retainAsPublished: true });
        proxy.refuse(true);
        const offline = nextEvent(link, 'offline');
        proxy.cut();
        await offline;
        await asPublished.close();
        const online = nextEvent(link, 'online');
        proxy.refuse(false);
        await online;
        await other.publish(topic, 'live', { retain: true });
        await got.count(1);
        expect(got.messages.map(({ retain }) => retain)).toEqual([false]);
      });
    });

    describe('wills', () => {
      const will = (topic: string): NonNullable<LinkOptions['will']> => ({
        topic,
        payload: 'lost',
        retain: true,
        contentType: 'text/plain',
        userProperties: { 'a2a-status': 'offline', 'a2a-status-source': 'lwt' },
      });

      promise('a dropped connection sends the will with its properties', async () => {
        const topic = topicOf();
        const watcher = await open();
        const got = collect();
        await watcher.subscribe(topic, got.handler, { retainAsPublished: true });
        const link = await open({ will: will(topic) });
        link.destroy();
        const [message] = await got.count(1);
        expect(message).toMatchObject({ retain: true, contentType: 'text/plain' });
        expect({ ...message!.userProperties }).toMatchObject({
          'a2a-status': 'offline',
          'a2a-status-source': 'lwt',
        });
        expect(link.state).toBe('closed');
      });

      promise('closing with reason 0x04 sends the will, a plain close does not', async () => {
        const topic = topicOf();
        const watcher = await open();
        const got = collect();
        await watcher.subscribe(topic, got.handler);
        const quiet = await open({ will: { ...will(topic), payload: 'never' } });
        await quiet.close();
        const link = await open({ will: will(topic) });
        await link.close({ reasonCode: 0x04 });
        await got.count(1);
        expect(got.texts()).toEqual(['lost']);
      });
    });

    describe('fencing', () => {
      promise('a takeover fences the link for good', async () => {
        const clientId = id();
        const loser = await open({ clientId });
        const watch = collect();
        const topic = topicOf();
        await loser.subscribe(topic, watch.handler);
        const fenced = nextEvent(loser, 'fenced');
        const winner = await open({ clientId });
        expect(await fenced).toEqual({ reasonCode: 0x8e });
        expect(loser.state).toBe('fenced');
        await expect(loser.publish(topic, 'x')).rejects.toMatchObject({ code: 'fenced' });
        await expect(loser.subscribe(topic, () => undefined)).rejects.toMatchObject({ code: 'fenced' });
        await loser.close();
        expect(loser.state).toBe('fenced');
        await winner.publish(topic, 'x');
        expect(winner.state).toBe('online');
      });

      promise('mayConnect is asked before every CONNECT, and its no ends the link', async () => {
        const proxy = await startProxy();
        const answers = [true, true, false];
        let asked = 0;
        const link = await open({
          url: through(proxy),
          mayConnect: () => Promise.resolve(answers[asked++] ?? false),
        });
        expect(asked).toBe(1);
        const online = nextEvent(link, 'online');
        proxy.cut();
        await online;
        const fenced = nextEvent(link, 'fenced');
        proxy.cut();
        expect(await fenced).toEqual({});
        expect([asked, proxy.connections, link.state]).toEqual([3, 2, 'fenced']);
      });

      promise('a link that may not connect at all never does', async () => {
        const proxy = await startProxy();
        const opening = open({ url: through(proxy), mayConnect: () => Promise.resolve(false) });
        await expect(opening).rejects.toMatchObject({ code: 'fenced' });
        expect(proxy.connections).toBe(0);
      });

      promise(
        'a fenced link resends nothing: what was unacknowledged fails with connection-lost',
        async () => {
          const proxy = await startProxy();
          const link = await open({ url: through(proxy), fenced: true });
          const receiver = await open();
          const topic = topicOf();
          const got = collect();
          await receiver.subscribe(topic, got.handler);
          proxy.hold('to-broker');
          const lost = [link.publish(topic, 'lost'), link.publish(topic, 'lost', { qos: 2 })];
          const results = Promise.allSettled(lost);
          const online = nextEvent(link, 'online');
          proxy.cut();
          for (const result of await results) {
            expect(result).toMatchObject({ status: 'rejected', reason: { code: 'connection-lost' } });
          }
          expect(link.state).toBe('offline');
          await expect(link.publish(topic, 'x')).rejects.toMatchObject({ code: 'not-connected' });
          proxy.release();
          await online;
          await link.publish(topic, 'after');
          await got.until((message) => message.text() === 'after');
          expect(got.texts()).toEqual(['after']);
        },
      );
    });

    describe('request and reply', () => {
      promise('each of many requests gets its own replies, in order', async () => {
        const [asker, answerer] = [await open(), await open()];
        const [topic, replyTopic] = [topicOf(), topicOf('/reply')];
        await answerer.subscribe(topic, async (message) => {
          const to = { correlationData: message.correlationData! };
          await answerer.publish(message.responseTopic!, `${message.text()} a`, to);
          await answerer.publish(message.responseTopic!, `${message.text()} b`, to);
        });
        const unmatched: InboundMessage[] = [];
        const router = createReplyRouter(asker, {
          replyTopic,
          onUnmatched: (message) => unmatched.push(message),
        });
        const answers = await Promise.all(
          Array.from({ length: 100 }, async (_, index) => {
            const request = router.request(topic, String(index));
            await request.ack;
            const texts: string[] = [];
            for await (const reply of request.replies) {
              texts.push(reply.text());
              if (texts.length === 2) break;
            }
            return texts;
          }),
        );
        expect(answers).toEqual(answers.map((_, index) => [`${index} a`, `${index} b`]));
        expect(router.size).toBe(0);
        await answerer.publish(replyTopic, 'late', { correlationData: Uint8Array.of(1) });
        await answerer.publish(replyTopic, 'uncorrelated');
        await asker.publish(topicOf(), 'round trip');
        expect(unmatched.map((message) => message.text())).toEqual(['late', 'uncorrelated']);
        await router.close();
        expect((await answerer.publish(replyTopic, 'x')).noMatchingSubscribers).toBe(true);
      });

      promise('a request that nobody serves says so by its acknowledgement', async () => {
        const router = createReplyRouter(await open(), { replyTopic: topicOf('/reply') });
        expect((await router.request(topicOf(), 'x').ack).noMatchingSubscribers).toBe(true);
      });

      promise('open requests end when the link does', async () => {
        const link = await open();
        const router = createReplyRouter(link, { replyTopic: topicOf('/reply') });
        const request = router.request(topicOf(), 'x');
        await request.ack;
        const next = request.replies.next();
        link.destroy();
        await expect(next).rejects.toMatchObject({ code: 'closed' });
      });
    });

    describe('snapshots of retained state', () => {
      promise('are complete, and empty when there is nothing', async () => {
        const link = await open();
        const base = topicOf();
        expect((await readRetained(link, `${base}/#`)).size).toBe(0);
        await link.publish(`${base}/a`, '1', { retain: true });
        await link.publish(`${base}/b`, '2', { retain: true });
        await link.publish(`${base}/b`, '', { retain: true });
        await link.publish(`${base}/c`, 'not retained');
        const found = await readRetained(link, `${base}/#`);
        expect([...found].map(([topic, message]) => [topic, message.text()])).toEqual([[`${base}/a`, '1']]);
        // Nothing is left behind on the broker.
        expect((await link.publish(`${base}/a`, 'x')).noMatchingSubscribers).toBe(true);
      });

      promise('hold ten thousand cards of 1.5 kB', async () => {
        const link = await open();
        const base = topicOf();
        const card = 'x'.repeat(1_500);
        const count = 10_000;
        const publishes: Promise<unknown>[] = [];
        for (let index = 0; index < count; index += 1) {
          publishes.push(link.publish(`${base}/${index}`, card, { retain: true }));
          if (publishes.length === 5_000) await Promise.all(publishes.splice(0));
        }
        await Promise.all(publishes);
        const reader = await open();
        for (const qos of [0, 1] as const) {
          const found = await readRetained(reader, `${base}/+`, { qos, timeoutMs: 15_000 });
          expect(found.size).toBe(count);
        }
        for (let index = 0; index < count; index += 1) {
          publishes.push(link.publish(`${base}/${index}`, '', { retain: true }));
          if (publishes.length === 5_000) await Promise.all(publishes.splice(0));
        }
        await Promise.all(publishes);
      });

      promise('do not disturb a subscription to the same filter, nor each other', async () => {
        const link = await open();
        const base = topicOf();
        for (const name of ['a', 'b', 'c']) await link.publish(`${base}/${name}`, name, { retain: true });
        const live = collect();
        await link.subscribe(`${base}/#`, live.handler);
        await live.count(3);
        const snapshots = await Promise.all([1, 2, 3].map(() => readRetained(link, `${base}/#`)));
        expect(snapshots.map((found) => found.size)).toEqual([3, 3, 3]);
        await link.publish(`${base}/d`, 'd');
        await live.count(4);
        expect(live.texts()).toEqual(['a', 'b', 'c', 'd']);
      });

      promise('two that wait on one link for what is kept do not wait for each other', async () => {
        const link = await open();
        const base = topicOf();
        await link.publish(`${base}/a`, '1', { retain: true });
        const seen = collect();
        await link.subscribe(`${base}/#`, seen.handler);
        await Promise.all([retainedArrived(link), retainedArrived(link), readRetained(link, `${base}/a`)]);
        expect(seen.texts()).toEqual(['1']);
      });

      promise('one that runs out of time does not wait for another of its filter', async () => {
        const proxy = await startProxy();
        const [link, other] = [await open({ url: through(proxy) }), await open()];
        const topic = topicOf();
        await other.publish(topic, 'kept', { retain: true });
        proxy.hold('to-client');
        const first = readRetained(link, topic);
        const second = readRetained(link, topic, { timeoutMs: 200 });
        await expect(second).rejects.toMatchObject({ code: 'snapshot-incomplete' });
        proxy.release();
        expect((await first).get(topic)?.text()).toBe('kept');
      });

      promise('start again when the connection is replaced', async () => {
        const proxy = await startProxy();
        const [link, other] = [await open({ url: through(proxy) }), await open()];
        const topic = topicOf();
        await other.publish(topic, 'kept', { retain: true });
        proxy.hold('to-client');
        const snapshot = readRetained(link, topic);
        proxy.cut();
        proxy.release();
        expect((await snapshot).get(topic)?.text()).toBe('kept');
      });
    });
  });
}

interface Collected {
  readonly messages: InboundMessage[];
  readonly handler: (message: InboundMessage) => void;
  texts(): string[];
  count(count: number): Promise<InboundMessage[]>;
  until(match: (message: InboundMessage) => boolean): Promise<void>;
}

function collect(): Collected {
  const messages: InboundMessage[] = [];
  const checks = new Set<() => void>();
  const when = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        checks.delete(check);
        resolve();
      };
      checks.add(check);
      check();
    });
  return {
    messages,
    handler: (message) => {
      messages.push(message);
      for (const check of checks) check();
    },
    texts: () => messages.map((message) => message.text()),
    async count(count) {
      await when(() => messages.length >= count);
      return messages;
    },
    until: (match) => when(() => messages.some(match)),
  };
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}
