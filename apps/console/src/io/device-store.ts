import { CONTEXT_KIND, statusOfContext, validateContext, type DeviceStatus } from '@shoal/device-agent';
import type { InboundMessage, Link, Subscription } from '@shoal/mqtt-link';
import {
  agentTopics,
  describeViolations,
  deviceTopics,
  parseJson,
  validateAgentState,
  validateTelemetry,
  type AgentAddress,
} from '@shoal/protocol';
import { TelemetryRing } from '../core/ring.ts';
import { Signal } from './signal.ts';

/** One device while its page is open: live telemetry, and what its agent keeps of it on the broker. */
export class DeviceStore {
  readonly signal = new Signal();
  readonly ring = new TelemetryRing();
  readonly #address: AgentAddress;
  readonly #deviceId: string;
  readonly #subscriptions: Subscription[] = [];
  /** Counts openings and closings: what an earlier opening still brings is let go. */
  #turn = 0;
  status: DeviceStatus | undefined;
  /** The last thing that could not be read, and how many there were. */
  problem: string | undefined;
  malformed = 0;

  constructor(address: AgentAddress, deviceId: string) {
    this.#address = address;
    this.#deviceId = deviceId;
  }

  async open(link: Link): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const { org, unit } = this.#address;
    const { telemetry } = deviceTopics({ org, unit, deviceId: this.#deviceId });
    const { state } = agentTopics(this.#address);
    for (const [filter, receive] of [
      [state, this.#receiveState],
      [telemetry, this.#receiveTelemetry],
    ] as const) {
      try {
        const subscription = await link.subscribe(filter, receive, { qos: 0, maxQueued: 500 });
        if (turn === this.#turn) this.#subscriptions.push(subscription);
        else await subscription.close().catch(() => undefined);
      } catch (error) {
        this.#fault(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async close(): Promise<void> {
    this.#turn += 1;
    for (const subscription of this.#subscriptions.splice(0))
      await subscription.close().catch(() => undefined);
  }

  readonly #receiveTelemetry = ({ payload }: InboundMessage): void => {
    const json = parseJson(payload);
    const read = json.ok ? validateTelemetry(json.value) : json;
    if (!read.ok) return this.#fault(`telemetry: ${describeViolations(read.violations)}`);
    if (read.value.deviceId !== this.#deviceId)
      return this.#fault('telemetry: deviceId is not that of its topic');
    this.ring.push(read.value);
    return this.signal.changed();
  };

  readonly #receiveState = ({ payload }: InboundMessage): void => {
    if (payload.length === 0) {
      this.status = undefined;
      return this.signal.changed();
    }
    const json = parseJson(payload);
    const record = json.ok ? validateAgentState(json.value) : json;
    if (!record.ok) return this.#fault(`context: ${describeViolations(record.violations)}`);
    if (record.value.kind !== CONTEXT_KIND)
      return this.#fault(`context: kind ${record.value.kind} cannot be read here`);
    const context = validateContext(record.value.data, this.#deviceId);
    if (!context.ok) return this.#fault(`context: ${describeViolations(context.violations)}`);
    this.status = statusOfContext(context.value, { agentId: this.#address.agentId });
    return this.signal.changed();
  };

  #fault(problem: string): void {
    this.problem = problem;
    this.malformed += 1;
    this.signal.changed();
  }
}
