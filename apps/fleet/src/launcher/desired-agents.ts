import type { Link } from '@shoal/mqtt-link';
import { agentTopics, type DesiredState, type JsonObject } from '@shoal/protocol';

const EXPIRY_SECONDS = 24 * 60 * 60;
const REFRESH_MS = 60 * 60 * 1000;

export interface DesiredAgent {
  readonly blueprint: string;
  readonly agentId: string;
  readonly config: JsonObject;
}

export interface DesiredAgents {
  /** Asks every agent to stop. */
  stopAll(): Promise<void>;
  /** Deletes what the agents leave on the broker: desired state and context. */
  clear(): Promise<void>;
  close(): void;
}

/**
 * Says which long-lived agents there should be; supervisors keep them alive. The records expire after a day, are written again every
 * hour, and again after a reconnect, since a broker may have lost them.
 */
export async function publishDesiredAgents(
  link: Link,
  unit: { readonly org: string; readonly unit: string },
  agents: readonly DesiredAgent[],
): Promise<DesiredAgents> {
  let state: DesiredState['state'] = 'running';
  const publishAll = async (): Promise<void> => {
    await Promise.all(
      agents.map(({ agentId, blueprint, config }) => {
        const record: DesiredState = {
          schemaVersion: 1,
          agentId,
          blueprint,
          config,
          state,
          at: new Date().toISOString(),
        };
        return link.publish(agentTopics({ ...unit, agentId }).desired, JSON.stringify(record), {
          retain: true,
          messageExpirySeconds: EXPIRY_SECONDS,
          contentType: 'application/json',
          payloadIsUtf8: true,
        });
      }),
    );
  };
  const again = (): void => void publishAll().catch(() => {});
  await publishAll();
  const refresh = setInterval(again, REFRESH_MS);
  const unlisten = link.on('online', ({ reconnect }) => {
    if (reconnect) again();
  });
  return {
    async stopAll() {
      state = 'stopped';
      await publishAll();
    },
    async clear() {
      const topics = agents.flatMap(({ agentId }) => {
        const { desired, state: context } = agentTopics({ ...unit, agentId });
        return [desired, context];
      });
      await Promise.all(topics.map((topic) => link.publish(topic, '', { retain: true })));
    },
    close() {
      clearInterval(refresh);
      unlisten();
    },
  };
}
