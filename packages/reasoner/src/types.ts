import type { ReasoningRecord } from '@shoal/protocol';
import type { ReasonerErrorCode } from './errors.ts';

/** JSON Schema 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * A language model of a provider of the `ai` SDK (specification 2 or 3), or the id of one for the SDK's default provider. The SDK's own
 * types would ask everyone who compiles against this package for the types of a browser.
 */
export type AnyLanguageModel =
  | string
  | {
      readonly specificationVersion: string;
      readonly provider: string;
      readonly modelId: string;
    };

/** One decision that is wanted. */
export interface ReasoningTask<T> {
  /** An identifier, such as `work-order-text`; it stands in the record. */
  readonly purpose: string;
  /** What to do, in the words of the agent's author. Trusted: nothing that came from outside belongs in here. */
  readonly instructions: string;
  /** What is known, by name: telemetry, results, cards. Untrusted: the model gets it fenced, as data. */
  readonly data: Readonly<Record<string, unknown>>;
  /** What the answer must look like, whoever decides. */
  readonly schema: JsonSchema;
  /** The deterministic answer: used alone, or when the model does not decide. */
  readonly rules: () => T | Promise<T>;
  /** Offered to the model. Each call is up to the gate. */
  readonly tools?: readonly OfferedTool[];
  /** In a workflow: the session whose budget counts, and the step and attempt for the record. */
  readonly sessionId?: string;
  readonly stepId?: string;
  readonly attempt?: number;
}

export interface Decision<T> {
  readonly output: T;
  readonly by: 'rules' | 'model';
  /** Why the rules decided although there is a model. */
  readonly fallback?: { readonly code: ReasonerErrorCode; readonly message: string };
  readonly record: ReasoningRecord;
}

export interface DecideOptions {
  readonly signal?: AbortSignal;
}

export interface Reasoner {
  readonly kind: 'rules' | 'model';
  /** `provider/model`. */
  readonly model?: string;
  /**
   * Throws ReasonerError: `budget-exhausted` when a budget stops the run, `aborted`, `invalid-task`, `invalid-rules-output`, `closed`, and
   * with `fallback: 'fail'` whatever kept the model from deciding.
   */
  decide<T>(task: ReasoningTask<T>, options?: DecideOptions): Promise<Decision<T>>;
  /** Ends what is under way with `closed` and frees the model. Closing twice is fine. */
  close(): Promise<void>;
}

/** Something that the model may ask for: a tool of an MCP server, or another agent. */
export interface OfferedTool {
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
  /** What its owner says: it changes nothing. Unset counts as false. */
  readonly readOnly?: boolean;
  call(args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown>;
}

export interface ToolRequest {
  readonly tool: OfferedTool;
  /** They fit the tool's input schema. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly purpose: string;
  readonly sessionId?: string;
  readonly stepId?: string;
  readonly attempt?: number;
}

export type Admission = { readonly admitted: true } | { readonly admitted: false; readonly reason: string };

/** Decides which calls of a model are made. It sees the call and nothing that the model says about it. */
export interface ToolGate {
  admit(request: ToolRequest): Admission | Promise<Admission>;
}

/** Where records go. May reject; the reasoner logs that and goes on. */
export interface RecordSink {
  write(record: ReasoningRecord): Promise<void>;
}

export interface Price {
  readonly inputUsdPerMillion: number;
  readonly outputUsdPerMillion: number;
}

export interface BudgetLimit {
  /** In and out together. */
  readonly tokens?: number;
  readonly costUsd?: number;
}

/** Unset: unlimited. A day is a UTC day. The fleet is all agents of a unit that keep their usage on the same broker. */
export interface Budgets {
  readonly agentPerDay?: BudgetLimit;
  readonly session?: BudgetLimit;
  readonly fleetPerDay?: BudgetLimit;
}
