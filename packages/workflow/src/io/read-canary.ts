import { readRetained, type Link } from '@shoal/mqtt-link';
import { canaryTopic, parseJson, validateBrokerCanary, type BrokerCanary } from '@shoal/protocol';

/** What supervisors know of this broker's memory; undefined while none has said anything. */
export async function readCanary(
  link: Link,
  where: { readonly org: string; readonly unit: string },
): Promise<BrokerCanary | undefined> {
  const topic = canaryTopic(where);
  const payload = (await readRetained(link, topic)).get(topic)?.payload;
  const json = payload === undefined || payload.length === 0 ? undefined : parseJson(payload);
  const checked = json?.ok === true ? validateBrokerCanary(json.value) : undefined;
  return checked?.ok === true ? checked.value : undefined;
}
