import * as fc from 'fast-check';
import type { Packet } from 'mqtt-packet';
import { expect, it } from 'vitest';

import { createHarness, type FakeClient, type Harness } from './engine-harness.ts';

/** A subscriber that acknowledges when it is told to, loses its connection, and comes back to its session. */
class Receiver {
  readonly got: string[] = [];
  private client: FakeClient | undefined;
  private readonly awaitingRelease = new Set<number>();
  private readonly todo: (() => void)[] = [];
  private readonly harness: Harness;
  private readonly id: string;
  private readonly receiveMaximum: number;

  constructor(harness: Harness, id: string, receiveMaximum: number) {
    this.harness = harness;
    this.id = id;
    this.receiveMaximum = receiveMaximum;
    this.connect();
  }

  connect(): void {
    if (this.client !== undefined) return;
    const { receiveMaximum } = this;
    this.client = this.harness.connect(this.id, {
      cleanStart: false,
      sessionExpirySeconds: 1000,
      receiveMaximum,
    });
  }

  drop(): void {
    this.client?.drop();
    this.client = undefined;
    this.todo.length = 0;
  }

  subscribe(filter: string): void {
    this.client?.subscribe(filter);
  }

  setWritable(writable: boolean): void {
    if (this.client === undefined) return;
    this.client.port.writable = writable;
    if (writable) this.harness.engine.writable(this.client.connection, this.harness.now);
  }

  /** Reads everything that was sent, then acknowledges up to `count` of it. */
  work(count: number): void {
    this.read();
    for (let i = 0; i < count && this.todo.length > 0; i++) {
      this.todo.shift()?.();
      this.read();
    }
  }

  get idle(): boolean {
    this.read();
    return this.todo.length === 0;
  }

  private read(): void {
    for (const packet of this.client?.port.packets.splice(0) ?? []) this.take(packet);
    const inflight = this.client?.connection.session.inflight.size ?? 0;
    if (inflight > this.receiveMaximum)
      throw new Error(`${inflight} unacknowledged, ${this.receiveMaximum} allowed`);
  }

  private take(packet: Packet): void {
    const { client } = this;
    const packetId = packet.messageId as number;
    if (packet.cmd === 'pubrel') {
      this.todo.push(() => {
        this.awaitingRelease.delete(packetId);
        client?.send({ type: 'pubcomp', packetId, reasonCode: 0 });
      });
    }
    if (packet.cmd !== 'publish') return;
    const { qos, payload } = packet;
    if (qos !== 2 || !this.awaitingRelease.has(packetId)) this.got.push(payload.toString());
    if (qos === 1) this.todo.push(() => client?.puback(packetId));
    if (qos !== 2) return;
    this.awaitingRelease.add(packetId);
    this.todo.push(() => client?.send({ type: 'pubrec', packetId, reasonCode: 0 }));
  }
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      qos: fc.constantFrom(1 as const, 2 as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('work' as const), who: fc.nat(2), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), who: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('connect' as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), who: fc.nat(2) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Runs the steps, then lets everyone come back and finish. */
function run(
  steps: readonly Step[],
  receivers: readonly Receiver[],
  sender: FakeClient,
): Record<1 | 2, string[]> {
  const sent: Record<1 | 2, string[]> = { 1: [], 2: [] };
  let n = 0;
  for (const action of steps) {
    if (action.do === 'publish') {
      const payload = `${action.qos}:${n++}`;
      sender.publish('t', payload, { qos: action.qos, packetId: (n % 60_000) + 1 });
      if (action.qos === 2) sender.send({ type: 'pubrel', packetId: (n % 60_000) + 1, reasonCode: 0 });
      sent[action.qos].push(payload);
      continue;
    }
    const receiver = receivers[action.who % receivers.length] as Receiver;
    if (action.do === 'work') receiver.work(action.count);
    else if (action.do === 'drop') receiver.drop();
    else if (action.do === 'connect') receiver.connect();
    else receiver.setWritable(false);
  }
  for (const receiver of receivers) receiver.connect();
  for (const receiver of receivers) receiver.setWritable(true);
  while (receivers.some((receiver) => !receiver.idle)) for (const receiver of receivers) receiver.work(100);
  return sent;
}

const firsts = (payloads: readonly string[]): string[] => [...new Set(payloads)];
const ofQos = (payloads: readonly string[], qos: 1 | 2): string[] =>
  payloads.filter((payload) => payload.startsWith(`${qos}:`));

it('delivers QoS 1 at least once and QoS 2 exactly once, each in order, through lost connections and full windows', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
      (steps, windows) => {
        const harness = createHarness();
        const receivers = windows.map((window, i) => new Receiver(harness, `r${i}`, window));
        for (const receiver of receivers) receiver.subscribe('t');
        const sent = run(steps, receivers, harness.connect('sender'));
        for (const { got } of receivers) {
          expect(firsts(ofQos(got, 1))).toEqual(sent[1]);
          expect(ofQos(got, 2)).toEqual(sent[2]);
        }
      },
    ),
    { numRuns: 300 },
  );
});

it('delivers every message of a shared subscription to some member, and QoS 2 to one only', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
      (steps, windows) => {
        const harness = createHarness();
        const receivers = windows.map((window, i) => new Receiver(harness, `r${i}`, window));
        for (const receiver of receivers) receiver.subscribe('$share/g/t');
        const sent = run(steps, receivers, harness.connect('sender'));
        const all = receivers.flatMap(({ got }) => got);
        expect(new Set(ofQos(all, 1))).toEqual(new Set(sent[1]));
        expect(ofQos(all, 2).toSorted()).toEqual(sent[2].toSorted());
      },
    ),
    { numRuns: 300 },
  );
});
