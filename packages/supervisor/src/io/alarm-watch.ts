import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import { endSpan, startSpan, traceContextOf, type StartedSpan } from '@shoal/mqtt-link/tracing';
import { parseJson, type TriggerRecord, type WorkflowTrigger } from '@shoal/protocol';
import {
  evaluate,
  evaluateCondition,
  interpolate,
  isoTime,
  isWorkflowError,
  type Json,
  type TriggerScope,
  type Workflow,
} from '@shoal/workflow';
import { onSample } from '../core/alarm.ts';
import type { Claims } from './claims.ts';
import type { TriggerRecords } from './trigger-records.ts';

export interface AlarmWatchOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  readonly supervisorId: string;
  readonly workflow: Workflow;
  readonly trigger: WorkflowTrigger;
  readonly records: TriggerRecords;
  readonly claims: Claims;
  readonly isCurrent: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
}

const DEFAULT_TOPIC = 'shoal/v1/{org}/{unit}/device/+/telemetry';
const DEFAULT_MAX_KEYS = 1000;
/** Between two lines of the log about messages that cannot be used. */
const COMPLAINT_MS = 60_000;

/** Watches telemetry for one trigger. What it remembers may be lost: a debounce then begins anew. */
export class AlarmWatch {
  readonly #options: AlarmWatchOptions;
  /** By key, since when the condition was seen to hold. */
  readonly #held = new Map<string, number>();
  readonly #busy = new Set<string>();
  #complainedMs = -Infinity;

  constructor(options: AlarmWatchOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { link, org, unit, trigger } = this.#options;
    const topic = (trigger.telemetry?.topic ?? DEFAULT_TOPIC)
      .replaceAll('{org}', org)
      .replaceAll('{unit}', unit);
    await link.subscribe(topic, (message) => this.#onMessage(message), { qos: 1 });
  }

  #onMessage(message: InboundMessage): void {
    const { trigger, now } = this.#options;
    const { telemetry } = trigger;
    if (telemetry === undefined || message.retain || !this.#options.isCurrent()) return;
    try {
      const scope = this.#scopeOf(message);
      const key = telemetry.key === undefined ? message.topic : textOf(evaluate(telemetry.key, scope));
      if (this.#busy.has(key)) return;
      const matches = evaluateCondition(telemetry.when, scope);
      const clears = telemetry.clear === undefined ? !matches : evaluateCondition(telemetry.clear, scope);
      const record = this.#record(key);
      if (record === undefined && (!matches || !this.#admits(key, telemetry.maxKeys ?? DEFAULT_MAX_KEYS)))
        return void this.#held.delete(key);
      const heldSinceMs = this.#held.get(key);
      const state = {
        ...(record === undefined ? {} : { record }),
        ...(heldSinceMs === undefined ? {} : { heldSinceMs }),
      };
      const step = onSample(state, { matches, clears }, telemetry, now());
      if (step.heldSinceMs === undefined) this.#held.delete(key);
      else this.#held.set(key, step.heldSinceMs);
      if (step.do === 'fire') this.#act(key, () => this.#fire(key, scope, message));
      else if (step.do === 'arm' && record !== undefined) this.#act(key, () => this.#arm(record));
    } catch (error) {
      if (!isWorkflowError(error)) throw error;
      this.#complain(`${message.topic}: ${error.message}`);
    }
  }

  #record(key: string): TriggerRecord | undefined {
    const { records, workflow, trigger } = this.#options;
    return records.get(workflow.id, trigger.id, key);
  }

  /** Keys come from outside, and each that has an alarm keeps a retained record: their number has a bound. */
  #admits(key: string, maxKeys: number): boolean {
    const { records, workflow, trigger } = this.#options;
    if (this.#held.has(key)) return true;
    const coming = new Set(
      [...this.#held.keys(), ...this.#busy].filter((one) => this.#record(one) === undefined),
    );
    const known = records.countOf(workflow.id, trigger.id) + coming.size;
    if (key.length <= 1000 && known < maxKeys) return true;
    this.#complain(
      `more than ${maxKeys} keys had an alarm, or one has more than 1000 characters: raise maxKeys or choose another key`,
    );
    return false;
  }

  /** One thing at a time for each key; what comes meanwhile belongs to it. */
  #act(key: string, act: () => Promise<void>): void {
    this.#busy.add(key);
    act()
      .catch((error: unknown) => this.#complain(String(error)))
      .finally(() => this.#busy.delete(key));
  }

  /** Claims the alarm (DESIGN rule 4): of several supervisors that saw it, the first in topic order says what its run is made of. */
  async #fire(key: string, scope: TriggerScope, message: InboundMessage): Promise<void> {
    const { records, claims, workflow, trigger, supervisorId, now } = this.#options;
    const episode = (this.#record(key)?.episode ?? 0) + 1;
    const at = isoTime(now());
    const named = { ...scope, trigger: { id: trigger.id, at, key } };
    const variables = interpolate((trigger.variables ?? {}) as Json, named) as Record<string, unknown>;
    const span = this.#sampleSpan(key, message);
    const trace = span?.carrier ?? traceContextOf(message.userProperties);
    const claimed = await claims.claim(
      {
        current: () => this.#record(key)?.episode ?? 0,
        first: () => this.#record(key)?.claimId,
        publish: (claimId) =>
          records.write({
            schemaVersion: 1,
            workflowId: workflow.id,
            triggerId: trigger.id,
            key,
            episode,
            state: 'fired',
            claimId,
            supervisorId,
            firedAt: at,
            variables,
            ...(trace === undefined ? {} : { trace }),
            at,
          }),
      },
      episode,
    );
    // The sample is told once: by the supervisor whose record hands its trace on.
    if (claimed !== undefined) endSpan(span);
    this.#held.delete(key);
  }

  async #arm(record: TriggerRecord): Promise<void> {
    const { records, supervisorId, now } = this.#options;
    const { variables: _made, trace: _told, ...rest } = record;
    await records.write({ ...rest, state: 'armed', supervisorId, at: isoTime(now()) });
  }

  /** Where the trace of the run begins: a child of the sender's span, if the message carries one. */
  #sampleSpan(key: string, { topic, userProperties }: InboundMessage): StartedSpan | undefined {
    const { workflow, trigger } = this.#options;
    return startSpan('@shoal/supervisor', `telemetry ${workflow.id}/${trigger.id}`, {
      kind: 'consumer',
      attributes: {
        'messaging.system': 'mqtt',
        'messaging.destination.name': topic,
        'shoal.workflow.id': workflow.id,
        'shoal.trigger.id': trigger.id,
        'shoal.trigger.key': key,
      },
      parent: { ...traceContextOf(userProperties) },
    });
  }

  #scopeOf(message: InboundMessage): TriggerScope {
    const json = parseJson(message.payload);
    const { trigger, now } = this.#options;
    return {
      trigger: { id: trigger.id, at: isoTime(now()), key: '' },
      message: json.ok ? (json.value as Json) : message.text(),
      topic: message.topic,
    };
  }

  #complain(reason: string): void {
    const { logger, workflow, trigger, now } = this.#options;
    if (now() - this.#complainedMs < COMPLAINT_MS) return;
    this.#complainedMs = now();
    logger.warn('a message is no use to a trigger', {
      workflowId: workflow.id,
      triggerId: trigger.id,
      reason,
    });
  }
}

function textOf(key: Json): string {
  return typeof key === 'string' ? key : JSON.stringify(key);
}
