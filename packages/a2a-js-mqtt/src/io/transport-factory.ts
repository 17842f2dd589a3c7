import type { AgentCard } from '@a2a-js/sdk';
import type { Transport, TransportFactory } from '@a2a-js/sdk/client';
import type { CallOptions, Requester } from '@shoal/agent-sdk';
import type { AgentAddress } from '@shoal/protocol';
import { MQTT_BINDING } from '@shoal/protocol';
import { addressOfCard } from '../core/address-of-card.ts';
import { MqttTransport } from './mqtt-transport.ts';

export interface MqttTransportFactoryOptions {
  /** Its link leads to the broker on which the agents live. The owner closes both. */
  readonly requester: Requester;
  /** What cards call the binding. Default: our URI. */
  readonly protocolName?: string;
  /** Where an agent lives whose card does not tell. */
  readonly addressOf?: (url: string, card: AgentCard) => AgentAddress | undefined;
  /** Defaults of all calls: timeouts, attempts, expiry. */
  readonly callOptions?: CallOptions;
}

/** Lets the official client reach agents over MQTT. */
export class MqttTransportFactory implements TransportFactory {
  readonly protocolName: string;
  readonly #options: MqttTransportFactoryOptions;

  constructor(options: MqttTransportFactoryOptions) {
    this.protocolName = options.protocolName ?? MQTT_BINDING.uri;
    this.#options = options;
  }

  /** Rejects with TypeError when neither the card nor the URL says which agent it is. */
  create(url: string, card: AgentCard): Promise<Transport> {
    const { requester, addressOf, callOptions } = this.#options;
    const target = addressOf?.(url, card) ?? addressOfCard(url, card);
    if (target === undefined) {
      const message = `${url} does not name an agent: the path must be /org/unit/agentId, or the card have the address extension`;
      return Promise.reject(new TypeError(message));
    }
    const { protocolName } = this;
    return Promise.resolve(
      new MqttTransport({
        requester,
        target,
        protocolName,
        ...(callOptions === undefined ? {} : { callOptions }),
      }),
    );
  }
}

/** One factory for each name that cards give this binding: a client matches one name only. */
export function mqttTransports(
  options: Omit<MqttTransportFactoryOptions, 'protocolName'>,
): MqttTransportFactory[] {
  return [MQTT_BINDING.uri, MQTT_BINDING.label].map(
    (protocolName) => new MqttTransportFactory({ ...options, protocolName }),
  );
}
