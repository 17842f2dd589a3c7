import { createBroker, hashPassword, type Broker, type RegistrySettings } from '../src/index.ts';
import { cardText } from '../test/cards.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export const LIST = '/a2a/cards/list';
export const CARD = '/a2a/cards/card';
export const CONFIG = '/configs/a2a_registry';

export const basic = (key: string, secret = 'secret'): string =>
  `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`;

export const idsOf = ({ body }: Answer): string[] => (body as { id: string }[]).map(({ id }) => id);

const secretHash = await hashPassword('secret');

/** A broker with the API keys admin, reader (a viewer) and tenant (of the namespace acme), all with the secret `secret`. */
export class ApiBroker {
  readonly broker: Broker;
  readonly url: string;
  readonly mqttUrl: string;

  private constructor(broker: Broker, url: string, mqttUrl: string) {
    this.broker = broker;
    this.url = url;
    this.mqttUrl = mqttUrl;
  }

  static async start(registry: RegistrySettings = {}): Promise<ApiBroker> {
    const apiKeys = [
      { key: 'admin', secretHash },
      { key: 'reader', secretHash, role: 'viewer' as const },
      { key: 'tenant', secretHash, namespace: 'acme' },
    ];
    const broker = createBroker({
      allowAnonymous: true,
      listen: { http: { apiKeys, reload: async () => ({ needRestart: ['limits'] }) } },
      registry: { namespaces: ['other'], ...registry },
    });
    const { http, tcp } = await broker.start();
    return new ApiBroker(broker, http?.url as string, tcp?.url as string);
  }

  /** `path` below `/api/v5`; a body is sent as JSON. */
  async call(key: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.url}/api/v5${path}`, {
      method,
      headers: { authorization: basic(key), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** `address`: `org/unit/agent`. */
  register(key: string, address: string, card = cardText()): Promise<Answer> {
    return this.call(key, 'POST', `${CARD}/${address}`, { card });
  }
}
