import { discoveryTopic, requestTopic } from '@shoal/protocol';
import { MqttClient } from 'mqtt';
import { connect as connectTcp } from 'node:net';
import { addressOf, CONNECTING_AT_ONCE, inLanes, ORG, SKILLS, UNIT } from './fleet.ts';

function open(
  url: string,
  clientId: string,
  will?: { readonly topic: string; readonly payload: Buffer },
): Promise<MqttClient> {
  const { hostname, port } = new URL(url);
  const client = new MqttClient(() => connectTcp({ host: hostname, port: Number(port), noDelay: true }), {
    protocolVersion: 5,
    clientId,
    reconnectPeriod: 0,
    keepalive: 30,
    ...(will === undefined
      ? {}
      : {
          will: { ...will, qos: 1, retain: true, properties: { userProperties: status('offline', 'lwt') } },
        }),
  });
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client)).once('error', reject);
  });
}

/** MQTT.js alone: a connection with a Will, a request subscription, a retained card; keep alive as the link has it. */
export function startRawFleet(url: string, count: number): Promise<void> {
  return inLanes(count, CONNECTING_AT_ONCE, async (index) => {
    const address = addressOf(index);
    const topic = discoveryTopic(address);
    const payload = Buffer.from(JSON.stringify(cardOf(index)));
    const client = await open(url, `${ORG}/${UNIT}/${address.agentId}`, { topic, payload });
    client.on('message', () => undefined);
    await client.subscribeAsync(requestTopic(address), { qos: 1 });
    const properties = { userProperties: status('online', 'agent') };
    await client.publishAsync(topic, payload, { qos: 1, retain: true, properties });
  });
}

/** A new subscriber that parses all cards. Milliseconds. */
export async function readWithMqttJs(url: string, count: number): Promise<number> {
  const client = await open(url, `bench/agents/reader-${crypto.randomUUID()}`);
  const startMs = performance.now();
  const cards = new Map<string, unknown>();
  await new Promise<void>((resolve, reject) => {
    client.on('message', (topic, payload) => {
      cards.set(topic, JSON.parse(payload.toString()));
      if (cards.size === count) resolve();
    });
    client.subscribe(`$a2a/v1/discovery/${ORG}/${UNIT}/+`, { qos: 0 }, (error) => {
      if (error) reject(error);
    });
  });
  const ms = performance.now() - startMs;
  await client.endAsync();
  return ms;
}

/** What the SDK makes of the same skills. */
function cardOf(index: number): object {
  const { org, unit, agentId } = addressOf(index);
  const uri = 'urn:shoal:a2a-over-mqtt:0.1';
  return {
    name: `Agent ${index}`,
    description: 'One of many.',
    version: '1.0.0',
    skills: SKILLS,
    supportedInterfaces: [uri, 'MQTTv5+JSONRPCv2'].map((protocolBinding) => ({
      url: 'mqtt://127.0.0.1:1883',
      protocolBinding,
      protocolVersion: '1.0',
    })),
    capabilities: {
      streaming: true,
      pushNotifications: false,
      extendedAgentCard: false,
      extensions: [
        {
          uri: `${uri}#address`,
          description: 'Where on the broker this agent lives.',
          required: false,
          params: { org, unit, agentId },
        },
      ],
    },
    defaultInputModes: ['text/plain', 'application/json'],
    defaultOutputModes: ['text/plain', 'application/json'],
  };
}

function status(state: string, source: string): Record<string, string> {
  return { 'a2a-status': state, 'a2a-status-source': source };
}
