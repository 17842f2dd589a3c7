import { AgentCard as SdkCard } from '@a2a-js/sdk';
import type { AgentCard as SdkAgentCard } from '@a2a-js/sdk';
import { buildCard, type CardInput } from '@shoal/agent-sdk';
import type { AgentAddress, AgentCard, AgentInterface } from '@shoal/protocol';
import { MQTT_BINDING, isMqttBinding } from '@shoal/protocol';

/**
 * The card as it goes on the broker: MQTT first, the agent's other interfaces after it, its address, and no empty REQUIRED field.
 * Signatures are left out: they are of another card.
 */
export function mqttCard(card: SdkAgentCard, address: AgentAddress, brokerUrl: string): AgentCard {
  const { signatures: _, ...given } = SdkCard.toJSON(card) as Partial<AgentCard>;
  const url = brokerUrl.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1').replace(/[?#].*$/, '');
  const own = [MQTT_BINDING.uri, MQTT_BINDING.label].map((protocolBinding): AgentInterface => ({
    url,
    protocolBinding,
    protocolVersion: '1.0',
  }));
  const others = (given.supportedInterfaces ?? []).filter(
    ({ protocolBinding }) => !isMqttBinding(protocolBinding),
  );
  const input: CardInput = {
    ...given,
    name: given.name ?? '',
    description: given.description ?? '',
    supportedInterfaces: [...own, ...others],
    // Unset means no in A2A, and yes to buildCard.
    capabilities: { ...given.capabilities, streaming: given.capabilities?.streaming ?? false },
  };
  return buildCard(input, address, brokerUrl);
}
