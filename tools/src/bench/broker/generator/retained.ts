import { setTimeout as delay } from 'node:timers/promises';
import { LeanClient, type Qos, type Version } from './lean-client.ts';
import { encodeMessage } from './message.ts';

const CARD_BYTES = 1_500;
const AT_ONCE = 64;

/** A valid A2A 1.0 Agent Card. */
function card(agentId: string): string {
  const document = {
    name: agentId,
    description: '',
    version: '1.0.0',
    supportedInterfaces: [{ url: 'mqtt://broker.example', protocolBinding: 'MQTT', protocolVersion: '1.0' }],
    capabilities: { streaming: true },
    defaultInputModes: ['application/json'],
    defaultOutputModes: ['application/json'],
    skills: [{ id: 'watch', name: 'Watch', description: 'Watches a pump.', tags: ['pump'] }],
  };
  const missing = CARD_BYTES - JSON.stringify(document).length;
  return JSON.stringify({ ...document, description: 'x'.repeat(Math.max(1, missing)) });
}

interface Cards {
  readonly port: number;
  readonly version: Version;
  readonly count: number;
}

/** Every agent connects, registers its card and leaves. */
export async function registerCards({ port, version, count }: Cards): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const agentId = `agent-${next++}`;
      let registered: (() => void) | undefined;
      const acknowledged = new Promise<void>((resolve) => (registered = resolve));
      const clientId = `bench/cards/${agentId}`;
      const client = new LeanClient({ port, version, clientId, onAcknowledged: () => registered?.() });
      await client.open();
      const topic = `$a2a/v1/discovery/${clientId}`;
      client.write(encodeMessage(version, topic, 1, { payload: card(agentId), retain: true }));
      await acknowledged;
      client.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Milliseconds until a new subscriber has all cards. */
export async function measureCards(cards: Cards & { readonly qos: Qos }): Promise<number> {
  const { port, version, count, qos } = cards;
  let seen = 0;
  let done: (() => void) | undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const client = new LeanClient({
    port,
    version,
    clientId: `reader-${process.pid}-${Math.trunc(performance.now())}`,
    onPublish: () => {
      seen += 1;
      if (seen === count) done?.();
    },
  });
  await client.open();
  const startMs = performance.now();
  await client.subscribe('$a2a/v1/discovery/#', qos);
  await Promise.race([all, delay(20_000)]);
  const ms = performance.now() - startMs;
  client.close();
  if (seen < count) throw new Error(`${seen} of ${count} cards came`);
  return ms;
}
