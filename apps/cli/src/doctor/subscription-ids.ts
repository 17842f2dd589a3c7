import { randomUUID } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Check } from '../shapes/doctor.ts';
import { check, type Patient } from './patient.ts';

const TITLE = 'subscription identifiers';
const IDENTIFIER = 77;

/** With MQTT.js itself: a link routes by filter and does not use them. */
export async function subscriptionIds(patient: Patient): Promise<Check> {
  if (patient.link.broker?.subscriptionIdentifiersAvailable === false)
    return check(
      'subscription-ids',
      TITLE,
      'info',
      'the broker announces that it has none; Shoal does without',
    );
  const { url, username, password, tls = {} } = patient.credentials;
  const { ca, cert, key, rejectUnauthorized } = tls;
  const client = await connectAsync(url, {
    protocolVersion: 5,
    clientId: `${patient.org}/${patient.unit}/cli-doctor-${randomUUID().slice(0, 8)}`,
    reconnectPeriod: 0,
    connectTimeout: patient.timeoutMs,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca: ca as string }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  });
  try {
    const came = await identifierOf(client, patient.topic('subscription-ids'), patient.timeoutMs);
    if (came === IDENTIFIER)
      return check('subscription-ids', TITLE, 'ok', 'a message named its subscription');
    return check(
      'subscription-ids',
      TITLE,
      'info',
      `announced, and a message came with ${String(came)} instead of ${IDENTIFIER}; Shoal does without`,
    );
  } finally {
    await client.endAsync(true);
  }
}

async function identifierOf(client: MqttClient, topic: string, timeoutMs: number): Promise<unknown> {
  const arrived = new Promise<unknown>((resolve) => {
    const timer = setTimeout(() => resolve('nothing'), timeoutMs);
    client.once('message', (_topic, _payload, packet) => {
      clearTimeout(timer);
      const found = packet.properties?.subscriptionIdentifier;
      resolve(Array.isArray(found) ? found[0] : found);
    });
  });
  await client.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: IDENTIFIER } });
  await client.publishAsync(topic, 'x', { qos: 1 });
  return arrived;
}
