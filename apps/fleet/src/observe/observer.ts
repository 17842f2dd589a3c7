import { openLink, type InboundMessage, type Link, type Logger } from '@shoal/mqtt-link';
import {
  describeViolations,
  parseJson,
  parseShoalTopic,
  validateAttemptRecord,
  validateReasoningRecord,
  validateSessionOutcome,
  validateSessionRecord,
  validateStepResult,
  validateStepStatus,
  type Validation,
} from '@shoal/protocol';
import { createRegistry, type RegisteredAgent, type Registry } from '@shoal/registry-client';
import type { AgentRole, Fact } from './fleet-view.ts';

export interface ObserverOptions {
  readonly url: string;
  readonly org: string;
  readonly unit: string;
  readonly clientId: string;
  readonly onFact: (fact: Fact) => void;
  readonly logger: Logger;
}

export interface Observer {
  readonly link: Link;
  readonly registry: Registry;
  stop(): Promise<void>;
}

const VALIDATORS = {
  session: validateSessionRecord,
  attempt: validateAttemptRecord,
  status: validateStepStatus,
  result: validateStepResult,
  outcome: validateSessionOutcome,
  reasoning: validateReasoningRecord,
} as const satisfies Record<string, (value: unknown) => Validation<unknown>>;

/** Watches a unit: who is there, and what its sessions do. It reads what anybody may read and writes nothing. */
export async function startObserver(options: ObserverOptions): Promise<Observer> {
  const { url, org, unit, clientId, onFact, logger } = options;
  const link = await openLink({ url, clientId, logger });
  const registry = createRegistry({ link, org, unit, logger });
  const tell = (agent: RegisteredAgent): void => {
    const { state, source } = agent.presence;
    onFact({ kind: 'presence', agentId: agent.address.agentId, role: roleOf(agent), state, source });
  };
  registry.on('registered', ({ agent }) => tell(agent));
  registry.on('presence', ({ agent }) => tell(agent));
  await registry.start();
  for (const filter of ['session/#', 'agent/+/reasoning/+'])
    await link.subscribe(`shoal/v1/${org}/${unit}/${filter}`, (message) =>
      observeRecord(message, onFact, logger),
    );
  return {
    link,
    registry,
    async stop() {
      await registry.stop();
      await link.close();
    },
  };
}

function observeRecord(message: InboundMessage, onFact: (fact: Fact) => void, logger: Logger): void {
  const kind = parseShoalTopic(message.topic)?.kind;
  // An empty payload deletes a record; what the log has told stays told.
  if (kind === undefined || !(kind in VALIDATORS) || message.payload.length === 0) return;
  const json = parseJson(message.payload);
  const record = json.ok ? VALIDATORS[kind as keyof typeof VALIDATORS](json.value) : json;
  if (record.ok) onFact({ kind, record: record.value } as Fact);
  else
    logger.warn(`ignored a malformed ${kind} record`, {
      topic: message.topic,
      why: describeViolations(record.violations),
    });
}

function roleOf(agent: RegisteredAgent): AgentRole {
  const tags = agent.card.skills.flatMap((skill) => skill.tags);
  if (tags.includes('device')) return 'device';
  return tags.includes('workflow') ? 'workflow' : 'other';
}
