import { AgentCard } from '@a2a-js/sdk';
import { AgentCardResolver } from '@a2a-js/sdk/client';
import type { Link } from '@shoal/mqtt-link';
import { readRetained } from '@shoal/mqtt-link';
import { describeViolations, discoveryTopic, parseJson, validateAgentCard } from '@shoal/protocol';
import { addressOfUrl } from '../core/address-of-card.ts';

/**
 * Finds the retained card of `mqtt://any/org/unit/agentId` on the link's broker, for `ClientFactory.createFromUrl`. Other URLs go to the
 * SDK's own resolver.
 */
export function mqttCardResolver(
  link: Link,
  fallback: AgentCardResolver = AgentCardResolver.default,
): AgentCardResolver {
  return {
    async resolve(baseUrl, path) {
      if (!/^(mqtts?|wss?):/i.test(baseUrl)) return fallback.resolve(baseUrl, path);
      const address = addressOfUrl(baseUrl);
      if (address === undefined) throw new TypeError(`${baseUrl} must end in /org/unit/agentId`);
      const topic = discoveryTopic(address);
      const card = (await readRetained(link, topic)).get(topic);
      if (card === undefined || card.payload.length === 0)
        throw new Error(
          `the broker holds no Agent Card of ${address.org}/${address.unit}/${address.agentId}`,
        );
      const json = parseJson(card.payload);
      const valid = json.ok ? validateAgentCard(json.value) : json;
      if (!valid.ok)
        throw new Error(`the Agent Card of ${baseUrl} is not valid: ${describeViolations(valid.violations)}`);
      return AgentCard.fromJSON(valid.value);
    },
    normalizeAgentCard: (card) => fallback.normalizeAgentCard?.(card) ?? AgentCard.fromJSON(card),
  };
}
