import { connect as connectTcp } from 'node:net';
import { MqttClient, type IPublishPacket } from 'mqtt';
import type { RpcSide, SideParameters } from './side.ts';

const USER_PROPERTIES = { 'a2a-version': '1.0', 'a2a-extensions': 'none' };

/** MQTT.js alone, as its users would write it, plus the TCP_NODELAY that it does not set. */
async function connect(parameters: SideParameters, role: string): Promise<MqttClient> {
  const { hostname, port } = new URL(parameters.url);
  const client = new MqttClient(() => connectTcp({ host: hostname, port: Number(port), noDelay: true }), {
    protocolVersion: 5,
    clientId: `bench/raw/${role}`,
    reconnectPeriod: 0,
  });
  await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
  return client;
}

const requestTopic = (name: string): string => `bench/${name}/request`;
const replyTopic = (name: string): string => `bench/${name}/reply`;

/** Answers each request with one reply, or with as many items as the request's first bytes ask for. */
export async function rawResponder(parameters: SideParameters): Promise<void> {
  const client = await connect(parameters, 'responder');
  const reply = Buffer.alloc(parameters.replyBytes, 'r');
  const item = Buffer.alloc(parameters.itemBytes, 'i');
  client.on('message', (_topic, payload, packet) => {
    const properties = packet.properties ?? {};
    const { responseTopic = '', correlationData } = properties;
    const options = {
      qos: 1 as const,
      properties: { correlationData: correlationData ?? Buffer.alloc(0), userProperties: USER_PROPERTIES },
    };
    const items = payload.readUInt32BE(0);
    if (items === 0) client.publish(responseTopic, reply, options);
    else for (let i = 0; i < items; i += 1) client.publish(responseTopic, item, options);
  });
  await client.subscribeAsync(requestTopic(parameters.name), { qos: 1 });
}

export async function rawRequester(parameters: SideParameters): Promise<RpcSide> {
  const client = await connect(parameters, 'requester');
  const open = new Map<number, { left: number; done: () => void }>();
  let next = 0;
  client.on('message', (_topic, _payload, packet: IPublishPacket) => {
    const correlation = packet.properties?.correlationData?.readUInt32BE(0) ?? 0;
    const waiting = open.get(correlation);
    if (waiting === undefined || (waiting.left -= 1) > 0) return;
    open.delete(correlation);
    waiting.done();
  });
  const responseTopic = replyTopic(parameters.name);
  await client.subscribeAsync(responseTopic, { qos: 1 });
  const request = (items: number): Promise<void> =>
    new Promise((done) => {
      const correlation = (next += 1);
      const correlationData = Buffer.alloc(16);
      correlationData.writeUInt32BE(correlation);
      const payload = Buffer.alloc(parameters.requestBytes, 'q');
      payload.writeUInt32BE(items);
      open.set(correlation, { left: Math.max(1, items), done });
      const properties = { responseTopic, correlationData, userProperties: USER_PROPERTIES };
      client.publish(requestTopic(parameters.name), payload, { qos: 1, properties });
    });
  return { roundTrip: () => request(0), stream: request };
}
