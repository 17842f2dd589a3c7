/** The device's own door: every call of its tools goes through here, whoever it comes from. No I/O; the application gives the facts. */
import type { ToolApproval } from '@shoal/protocol';
import { whyNotApproved } from './approval.ts';
import { canonical } from './canonical.ts';
import { checkArguments } from './check-args.ts';
import type { DeviceTool, JsonRecord } from './declaration.ts';
import { checkInterlocks, interlockRefusal, type Channels } from './interlocks.ts';
import type { Refusal } from './refusal.ts';
import type { RememberedRequest, RequestMemory } from './request-memory.ts';
import { exceeds, type RiskClass } from './risk.ts';

export interface GuardOptions {
  readonly deviceId: string;
  readonly tools: readonly DeviceTool[];
  readonly memory: RequestMemory;
  /** The highest risk that needs no approval. Default `reversible`. */
  readonly grant?: RiskClass;
  /** Whose approvals count, by name. Unset: of whoever the broker lets write them. */
  readonly approvers?: readonly string[];
  /** The approval that is retained under an id now. */
  readonly approval: (approvalId: string) => ToolApproval | undefined;
  /** Why the approval under an id is not the word of whom it names: `ApprovalBook.distrust`. Unset: the broker's word is taken. */
  readonly distrust?: (approvalId: string) => string | undefined;
  /** Resolves when `approval` and `distrust` can tell of an id: `ApprovalBook.settle`. Unset: they always can. Must not reject. */
  readonly settleApproval?: (approvalId: string) => Promise<void>;
  /** Where an approval is to be retained: named in refusals. */
  readonly approvalTopic: (approvalId: string) => string;
  /** The last sample. */
  readonly channels: () => Channels;
  /** The state of an interlock that only the device knows, when it blocks. */
  readonly interlock?: (name: string) => string | undefined;
  /** Wall clock for approvals, milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Clock of the memory, milliseconds, never set back. */
  readonly elapsedMs: () => number;
}

export type CallOutcome =
  | { readonly kind: 'done'; readonly answer: JsonRecord; readonly repeated: boolean }
  | { readonly kind: 'dry-run'; readonly would: JsonRecord }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly error: string };

/** What became of a request, and from now on cannot change unless it is `running`. */
export interface SettleAnswer {
  readonly requestId: string;
  /** `not-done`: it was not done, and never will be under this id. `untold`: the memory is full. */
  readonly state: 'done' | 'failed' | 'not-done' | 'running' | 'untold';
  readonly answer?: JsonRecord;
  readonly error?: string;
  /** Of the device's memory; another one than at the time of the request knows nothing of it. */
  readonly memoryId: string;
  /** A request older than this may have been forgotten. */
  readonly keptSeconds: number;
}

interface Guarded {
  readonly requestId?: string;
  readonly approvalId?: string;
  readonly dryRun?: boolean;
}

/** Decides on each call of a device's tools before it is carried out, and remembers what was: a request that comes again does nothing twice. */
export class DeviceToolGuard {
  readonly options: GuardOptions;
  readonly #tools: ReadonlyMap<string, DeviceTool>;
  readonly #running = new Map<string, Promise<CallOutcome>>();

  constructor(options: GuardOptions) {
    this.options = options;
    this.#tools = new Map(options.tools.map((tool) => [tool.name, tool]));
  }

  /** Never rejects. Waits for the approval first; checks and acts without a pause between, so that two calls cannot pass the same check. */
  async call(name: string, given: JsonRecord): Promise<CallOutcome> {
    const tool = this.#tools.get(name);
    if (tool === undefined) {
      const known = [...this.#tools.keys()].join(', ');
      return refused({ code: 'unknown-tool', message: `the device has no such tool; it has ${known}` });
    }
    const wrong = checkArguments(tool.inputSchema, given);
    if (wrong !== undefined) return refused(wrong);
    if (!tool.declaration.guarded) return run(tool, given);
    const { requestId, approvalId, dryRun, ...args } = given as Guarded & JsonRecord;
    // An approval is for one act, so one without a key of its own takes the approval's.
    const key = requestId ?? (approvalId === undefined ? undefined : `approval:${approvalId}`);
    const { grant = 'reversible', settleApproval } = this.options;
    if (approvalId !== undefined && exceeds(tool.declaration.risk, grant)) await settleApproval?.(approvalId);
    if (dryRun !== true && key !== undefined) {
      const before = this.#before(key, tool, args);
      if (before !== undefined) return before;
    }
    const refusal = this.#whyNot(tool, args, approvalId, key);
    if (refusal !== undefined) return refused(refusal);
    if (dryRun === true) return { kind: 'dry-run', would: tool.preview(args) };
    return this.#act(tool, args, key, approvalId);
  }

  /** Ends the doubt about a request: says what was done under its id, and if nothing was, that nothing ever will be. */
  settle(requestId: string): SettleAnswer {
    const { memory, elapsedMs } = this.options;
    const about = { requestId, memoryId: memory.id, keptSeconds: memory.keepMs / 1000 };
    const known = memory.get(requestId);
    if (known !== undefined) {
      const { state, answer, error } = known;
      return {
        ...about,
        state: state === 'settled' ? 'not-done' : state,
        ...(answer === undefined ? {} : { answer }),
        ...(error === undefined ? {} : { error }),
      };
    }
    const taken = memory.set(requestId, { call: '', state: 'settled', atMs: elapsedMs() });
    return { ...about, state: taken ? 'not-done' : 'untold' };
  }

  #before(key: string, tool: DeviceTool, args: JsonRecord): CallOutcome | Promise<CallOutcome> | undefined {
    const known = this.options.memory.get(key);
    if (known === undefined) return undefined;
    if (known.state === 'settled')
      return refused({ code: 'request-settled', message: 'this requestId was given up: use a new one' });
    if (known.call !== callText(tool, args)) {
      const message = 'this requestId was used for another call: use a new one';
      return refused({ code: 'request-conflict', message });
    }
    const running = this.#running.get(key);
    if (running !== undefined) return running.then(asRepeated);
    if (known.state === 'failed') return { kind: 'failed', error: known.error ?? '' };
    return { kind: 'done', answer: known.answer ?? {}, repeated: true };
  }

  #whyNot(
    tool: DeviceTool,
    args: JsonRecord,
    approvalId: string | undefined,
    key: string | undefined,
  ): Refusal | undefined {
    const { grant = 'reversible', interlock, channels } = this.options;
    const { risk, interlocks } = tool.declaration;
    if (exceeds(risk, grant)) {
      const refusal = this.#whyUnapproved(tool, args, approvalId, key, grant);
      if (refusal !== undefined) return refusal;
    }
    for (const { name } of interlocks) {
      const state = interlock?.(name);
      if (state !== undefined) return interlockRefusal(name, state);
    }
    return checkInterlocks(interlocks, channels());
  }

  #whyUnapproved(
    tool: DeviceTool,
    args: JsonRecord,
    approvalId: string | undefined,
    key: string | undefined,
    grant: RiskClass,
  ): Refusal | undefined {
    const { deviceId, approvers, memory, nowMs } = this.options;
    const usedBy = approvalId === undefined ? undefined : memory.usedBy(approvalId);
    if (approvalId !== undefined && usedBy !== undefined && usedBy !== key) return approvalUsed(approvalId);
    const approval = approvalId === undefined ? undefined : this.options.approval(approvalId);
    if (approvalId === undefined || approval === undefined)
      return approvalRequired(
        tool.name,
        tool.declaration.risk,
        grant,
        this.options.approvalTopic,
        approvalId,
      );
    const call = { deviceId, tool: tool.name, args };
    const problem = whyNotApproved(approval, call, {
      ...(approvers === undefined ? {} : { approvers }),
      distrust: this.options.distrust?.(approvalId),
      nowMs: nowMs(),
    });
    if (problem === undefined) return undefined;
    return {
      code: 'approval-invalid',
      message: `approval ${JSON.stringify(approvalId)} does not cover this call: ${problem}`,
    };
  }

  #act(
    tool: DeviceTool,
    args: JsonRecord,
    key: string | undefined,
    approvalId: string | undefined,
  ): CallOutcome | Promise<CallOutcome> {
    if (key === undefined) return run(tool, args);
    const { memory, elapsedMs } = this.options;
    const request = {
      call: callText(tool, args),
      atMs: elapsedMs(),
      ...(approvalId === undefined ? {} : { approvalId }),
    };
    if (!memory.set(key, { ...request, state: 'running' })) {
      const message = `${memory.keepMs / 1000} s of requests fill the memory of the device: wait`;
      return refused({ code: 'memory-full', message });
    }
    const outcome = run(tool, args).then((now) => {
      this.#running.delete(key);
      memory.set(key, { ...request, ...remembered(now) });
      return now;
    });
    this.#running.set(key, outcome);
    return outcome;
  }
}

/** Also what the agent of a device answers, as the next one. Known after the approval is gone, too. */
export function approvalUsed(approvalId: string): Refusal {
  const message = `approval ${JSON.stringify(approvalId)} was used for another call: it approves one`;
  return { code: 'approval-used', message };
}

/** Also what the agent of a device answers, which checks the same before it asks the device. */
export function approvalRequired(
  tool: string,
  risk: RiskClass,
  grant: RiskClass,
  topicOf: (approvalId: string) => string,
  approvalId: string | undefined,
): Refusal {
  const topic = topicOf(
    approvalId === undefined || !/^[A-Za-z0-9_.-]+$/.test(approvalId) ? 'ID' : approvalId,
  );
  const lack =
    approvalId === undefined ? 'no approvalId was given' : 'none is retained under that approvalId';
  const message = `${tool} is ${risk}, above the grant ${grant}, and needs an approval retained at ${topic}; ${lack}`;
  return { code: 'approval-required', message, approval: { topic, tool, risk, grant } };
}

async function run(tool: DeviceTool, args: JsonRecord): Promise<CallOutcome> {
  try {
    return { kind: 'done', answer: await tool.run(args), repeated: false };
  } catch (error) {
    return { kind: 'failed', error: textOf(error) };
  }
}

/** `code: message` for errors that have a code. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? `${code}: ${error.message}` : error.message;
}

function remembered(outcome: CallOutcome): Pick<RememberedRequest, 'state' | 'answer' | 'error'> {
  if (outcome.kind === 'done') return { state: 'done', answer: outcome.answer };
  return { state: 'failed', error: outcome.kind === 'failed' ? outcome.error : '' };
}

function asRepeated(outcome: CallOutcome): CallOutcome {
  return outcome.kind === 'done' ? { ...outcome, repeated: true } : outcome;
}

function callText(tool: DeviceTool, args: JsonRecord): string {
  return `${tool.name} ${canonical(args)}`;
}

function refused(refusal: Refusal): CallOutcome {
  return { kind: 'refused', refusal };
}
