import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly packet: IPublishPacket;
}

/** What a client received and nobody has looked at yet. */
export class Inbox {
  private readonly items: Received[] = [];
  private waiting: (() => void) | undefined;

  constructor(client: MqttClient) {
    client.on('message', (topic, payload, packet) => {
      this.items.push({ topic, payload: payload.toString(), packet });
      this.waiting?.();
    });
  }

  get length(): number {
    return this.items.length;
  }

  async next(): Promise<Received> {
    while (this.items.length === 0) await new Promise<void>((resolve) => (this.waiting = resolve));
    return this.items.shift() as Received;
  }
}

/** Clients of one test; `closeAll` drops them. */
export class Clients {
  private readonly clients: MqttClient[] = [];

  /** Not connected yet: listeners can be added before anything arrives. */
  create(url: string, options: IClientOptions = {}): MqttClient {
    const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  async connect(url: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = this.create(url, options);
    await connected(client);
    return client;
  }

  closeAll(): void {
    for (const client of this.clients.splice(0)) client.end(true);
  }
}

export const connected = (client: MqttClient): Promise<void> =>
  new Promise((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
  });

/** Reason code of the DISCONNECT that the broker sends. */
export const disconnected = (client: MqttClient): Promise<number | undefined> =>
  new Promise((resolve) => client.once('disconnect', (packet) => resolve(packet.reasonCode)));

/** All values of a user property, in order. */
export function userProperty(packet: IPublishPacket, name: string): readonly string[] {
  const value = packet.properties?.userProperties?.[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}
