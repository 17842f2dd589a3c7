import type { Link, Logger } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { explain } from '../core/agent/explain.ts';
import type { DeviceOrder } from '../core/agent/operations.ts';
import type { DeviceStatus } from '../core/agent/status.ts';
import type { Incident } from '../core/incident/incident-machine.ts';
import type { OfferedDeviceTool } from './device-door.ts';
import type { OperateAnswer } from './operator.ts';

/** Something that a model may ask for: an `OfferedTool` of `@shoal/reasoner`. */
export interface ReasonerTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly readOnly?: boolean;
  call(args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown>;
}

/** What is used of a `Reasoner` of `@shoal/reasoner`, which this package does not depend on. */
export interface DeviceReasoner {
  /** Provider and name. */
  readonly model?: string;
  decide<T>(
    task: {
      readonly purpose: string;
      readonly instructions: string;
      readonly data: Readonly<Record<string, unknown>>;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly rules: () => T;
      readonly tools?: readonly ReasonerTool[];
      readonly sessionId?: string;
    },
    options?: { readonly signal?: AbortSignal },
  ): Promise<{
    readonly output: T;
    readonly by: 'rules' | 'model';
    readonly fallback?: { readonly code: string };
  }>;
  close(): Promise<void>;
}

/** What a reasoner is made with: its records and budgets go over the agent's own connection. */
export interface ReasonerContext extends AgentAddress {
  readonly link: Link;
  readonly logger: Logger;
}

export interface ExplainerOptions {
  readonly context: ReasonerContext;
  /** Called when the first question comes. */
  readonly create: ((context: ReasonerContext) => Promise<DeviceReasoner>) | undefined;
  readonly status: () => DeviceStatus;
  readonly openIncident: () => Incident | null;
  /** What the device has. Rejects when it cannot be reached. */
  readonly deviceTools: () => Promise<readonly OfferedDeviceTool[]>;
  /** The door: risk, range, interlock and approval are checked there, whatever a model says. */
  readonly operate: (order: DeviceOrder) => Promise<OperateAnswer>;
  /** Agents of devices that have to do with this one. */
  readonly peers: readonly string[];
  /** The status of a peer's device, over A2A. */
  readonly askPeer: (agentId: string, signal: AbortSignal) => Promise<unknown>;
}

interface Words {
  readonly text: string;
}

/** Questions that a model answers at once; with more, the rules answer. */
const MOST_AT_ONCE = 2;
const MAX_TOOLS = 24;
const MAX_PEERS = 8;
const MAX_QUESTION = 2_000;
const MAX_DESCRIPTION = 600;
const STEP = 'explain';
const NO_ARGUMENTS = { type: 'object', properties: {}, additionalProperties: false };
const SCHEMA = {
  type: 'object',
  properties: { text: { type: 'string', minLength: 1, maxLength: 2_000 } },
  required: ['text'],
  additionalProperties: false,
};
const INSTRUCTIONS =
  'You are the agent of one machine and answer a question about it, in at most six sentences, from the facts given as data and from what ' +
  'the tools return. Say what you do not know. Never claim to have done something that a tool did not confirm.';

/** Answers questions in words. The facts are always those of the rules; a model, where there is one, puts words before them. */
export class Explainer {
  readonly #options: ExplainerOptions;
  readonly #closing = new AbortController();
  #reasoner: Promise<DeviceReasoner> | undefined;
  #running = 0;

  constructor(options: ExplainerOptions) {
    this.#options = options;
  }

  /** Never rejects because of the model. `taskId` is the session that a budget counts for. */
  async answer(question: string, taskId: string): Promise<string> {
    const status = this.#options.status();
    const incident = this.#options.openIncident();
    const facts = explain(status, incident);
    if (this.#options.create === undefined) return facts;
    if (this.#running >= MOST_AT_ONCE) return `${facts}\nThe model is busy with other questions.`;
    this.#running += 1;
    try {
      const reasoner = await this.#open();
      const { output, by, fallback } = await reasoner.decide<Words>(
        {
          purpose: 'explain',
          instructions: INSTRUCTIONS,
          data: { question: question.slice(0, MAX_QUESTION), facts, status },
          schema: SCHEMA,
          rules: () => ({ text: facts.slice(0, 2_000) }),
          tools: await this.#tools(taskId),
          sessionId: taskId,
        },
        { signal: this.#closing.signal },
      );
      if (by === 'rules')
        return `${facts}\nThe model was asked and did not answer: ${fallback?.code ?? 'it has none'}.`;
      return `${output.text}\n\nWritten by ${reasoner.model ?? 'a model'}. What the rules say:\n${facts}`;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      const why = typeof code === 'string' ? code : 'it failed';
      this.#options.context.logger.warn('no model answers questions', { why, error: String(error) });
      return `${facts}\nThe model could not be asked: ${why}.`;
    } finally {
      this.#running -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reasoner?.then((reasoner) => reasoner.close()).catch(() => undefined);
  }

  #open(): Promise<DeviceReasoner> {
    this.#reasoner ??= this.#options.create!(this.#options.context).catch((error: unknown) => {
      this.#reasoner = undefined;
      throw error;
    });
    return this.#reasoner;
  }

  /** A device that cannot be reached has no tools; that is no reason not to answer. */
  async #tools(taskId: string): Promise<ReasonerTool[]> {
    const { deviceTools, peers, askPeer } = this.#options;
    const own = await deviceTools().catch(() => []);
    const tools = own
      .filter(({ name }) => /^[A-Za-z0-9_-]{1,64}$/.test(name))
      .slice(0, MAX_TOOLS)
      .map((tool) => this.#throughTheDoor(tool, taskId));
    const taken = new Set(tools.map(({ name }) => name));
    for (const agentId of peers.slice(0, MAX_PEERS)) {
      const name = `status_of_${agentId.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`.slice(0, 64);
      if (taken.has(name)) continue;
      taken.add(name);
      tools.push({
        name,
        description: `Load and health of the neighbouring device of the agent ${agentId}, as it says.`,
        inputSchema: NO_ARGUMENTS,
        readOnly: true,
        call: (_, signal) => askPeer(agentId, signal),
      });
    }
    return tools;
  }

  #throughTheDoor({ name, description, inputSchema, risk }: OfferedDeviceTool, taskId: string): ReasonerTool {
    return {
      name,
      description: plain(description),
      inputSchema,
      readOnly: risk === 'read',
      call: (args) =>
        this.#options.operate({
          tool: name,
          args,
          sessionId: taskId,
          stepId: STEP,
          attempt: 1,
          onModelsBehalf: true,
        }),
    };
  }
}

/** The device's own word about a tool: on one line, short. */
function plain(text: string): string {
  return text.slice(0, MAX_DESCRIPTION).replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ');
}
