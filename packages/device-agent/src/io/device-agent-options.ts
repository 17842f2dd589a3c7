import type { Agent, Clock } from '@shoal/agent-sdk';
import type { RiskClass } from '@shoal/device-tools';
import type { LinkOptions } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import type { ApproverKeys } from '@shoal/protocol/signing';
import type { DeviceDescription } from '../core/agent/card.ts';
import type { IncidentRequest } from '../core/agent/requests.ts';
import type { DeviceStatus } from '../core/agent/status.ts';
import type { DetectorOptions } from '../core/detector/options.ts';
import type { DeviceReasoner, ReasonerContext } from './explainer.ts';
import type { IncidentEvent, IncidentKind, IncidentOptions } from '../core/incident/incident-machine.ts';

export interface DeviceAgentOptions
  extends DeviceDescription, Pick<LinkOptions, 'url' | 'username' | 'password' | 'reconnect' | 'logger'> {
  readonly org: string;
  readonly unit: string;
  /** Default: the device id. */
  readonly agentId?: string;
  /** The broker's URL as the card names it. Default `url`. */
  readonly publicUrl?: string;
  /** Channel that says how much the device carries, and its value at full load. Default: speed over the highest speed. */
  readonly load?: { readonly channel: string; readonly full: number };
  readonly detector?: DetectorOptions;
  readonly incidents?: IncidentOptions;
  /** Asked once for each incident with the data {deviceId, agentId, detectedAt, evidence}. Unset: incidents are only kept. */
  readonly workflow?: AgentAddress;
  /** Incidents for which the workflow is asked. Default all. */
  readonly requestFor?: readonly IncidentKind[];
  /** How long a workflow that does not answer is asked again. Default 3 600 000. */
  readonly giveUpAfterMs?: number;
  /**
   * Device time in milliseconds for which the answer of a completed request stands: incidents of that time are kept, and the workflow
   * is not asked again. One that comes while a request is open waits for its end, and is asked about if that fails. Default 0: it is
   * asked for each incident.
   */
  readonly askAgainAfterMs?: number;
  readonly onIncident?: (event: IncidentEvent) => void;
  /** When a request has ended or was given up. */
  readonly onOutcome?: (request: IncidentRequest) => void;
  /**
   * Milliseconds, and up to a quarter more, between two writes of the context: what a kill may lose of the slow following of the baseline.
   * The end of learning, incidents, requests and orders are written at once, and all of it when the agent stops. Default 300 000.
   */
  readonly stateIntervalMs?: number;
  /** Seconds after the last write until the broker forgets the context. Default 7 days. */
  readonly stateExpirySeconds?: number;
  /** MCP server name of the device. Default `shoal/{org}/{unit}/{deviceId}`. */
  readonly mcpServerName?: string;
  /** Longest wait for the device's MCP server. Default 5 000. */
  readonly deviceTimeoutMs?: number;
  /** The highest risk of an order that needs no approval. Default `reversible`. */
  readonly grant?: RiskClass;
  /** Whose approvals count, by name. Default: of whoever the broker lets write them. */
  readonly approvers?: readonly string[];
  /**
   * Public keys of the approvers, by the name that an approval has in `by`. With them an approval counts only when one of that person's
   * keys signed it, whoever may write the topic. Default: none, the broker's access rules decide.
   */
  readonly approverKeys?: ApproverKeys;
  /** The least risk that a tool counts for, by name: raises what the device declares, never lowers it. */
  readonly risks?: Readonly<Record<string, RiskClass>>;
  /**
   * Makes the model that words answers to `explain`, when the first question comes; closed with the agent. For one `createReasoner` of
   * `@shoal/reasoner` over `context.link`. Default: fixed rules alone.
   */
  readonly reasoner?: (context: ReasonerContext) => Promise<DeviceReasoner>;
  /**
   * The highest risk of what that model may have the device do while it answers, without an approval. Default `read`: it looks and
   * changes nothing. Never above `grant`.
   */
  readonly reasonerGrant?: RiskClass;
  readonly clock?: Clock;
}

export interface DeviceAgent {
  readonly address: AgentAddress;
  readonly agent: Agent;
  /** Resolves when the agent has ended. */
  readonly ended: Promise<AgentEnd>;
  status(): DeviceStatus;
  /** Writes the context, says offline, disconnects. Stopping twice is fine. */
  stop(): Promise<void>;
}

/** `fenced`: another connection took over its client id. `closed`: the connection was closed from elsewhere, for good. */
export type AgentEnd = 'stopped' | 'fenced' | 'closed';
