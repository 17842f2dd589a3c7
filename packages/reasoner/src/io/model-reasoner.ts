import { randomBytes, randomUUID } from 'node:crypto';
import { silentLogger } from '@shoal/mqtt-link';
import type { LanguageModel } from 'ai';
import { closedGate } from '../core/gates.ts';
import { buildPrompt } from '../core/prompt.ts';
import { reasoningRecord, type Facts } from '../core/record.ts';
import { createRedactor } from '../core/redact.ts';
import { isReasonerError, ReasonerError } from '../errors.ts';
import type {
  AnyLanguageModel,
  Budgets,
  Decision,
  DecideOptions,
  Price,
  Reasoner,
  ReasoningTask,
  ToolGate,
} from '../types.ts';
import { assertLanguageModel, modelName } from './ask-model.ts';
import { budgetGuard } from './budget-guard.ts';
import { memoryLedger, type Ledger } from './ledger.ts';
import { ruleOutput } from './rules-reasoner.ts';
import { runModel, type Tally } from './run-model.ts';
import { assertTask, keepRecord, type ReasonerSettings } from './settings.ts';

export interface ModelReasonerOptions extends ReasonerSettings {
  /** Of any provider of the ai SDK (language model specification 2 or 3). */
  readonly model: AnyLanguageModel;
  /** What must not be said anywhere: the key of the model, for one. At least 8 characters each. */
  readonly secrets?: readonly string[];
  /** Decides which tools the model may call. Unset: none. */
  readonly gate?: ToolGate;
  readonly budgets?: Budgets;
  /** Needed for budgets in US dollars. */
  readonly price?: Price;
  /** Where usage is kept. Default: in this process. */
  readonly ledger?: Ledger;
  /** Longest time for one decision, tools and repairs included. Default 60 000. */
  readonly timeoutMs?: number;
  /** Of one call. Default 512. */
  readonly maxOutputTokens?: number;
  /** How often an answer that does not fit is sent back. Default 2. */
  readonly repairs?: number;
  /** Calls of the model for one decision, tool rounds and repairs included. Default 8. */
  readonly maxCalls?: number;
  /** Unset: as the model has it. */
  readonly temperature?: number;
  readonly seed?: number;
  /** When the model does not decide: the rules do (default), or `decide` throws. */
  readonly fallback?: 'rules' | 'fail';
  /** When a budget does not allow a call: `decide` throws `budget-exhausted` (default), or the rules decide. */
  readonly overBudget?: 'stop' | 'rules';
  /** Frees what the model holds. */
  readonly onClose?: () => Promise<void>;
}

/** Decides by a language model; the rules stand in. */
export function modelReasoner(options: ModelReasonerOptions): Reasoner {
  return new ModelReasoner(options);
}

class ModelReasoner implements Reasoner {
  readonly kind = 'model';
  readonly model: string;
  readonly #options: ModelReasonerOptions;
  readonly #redact;
  readonly #guard;
  readonly #closing = new AbortController();

  constructor(options: ModelReasonerOptions) {
    assertLanguageModel(options.model);
    assertBudgets(options);
    this.#options = options;
    this.#redact = createRedactor(options.secrets ?? []);
    this.model = this.#redact(modelName(options.model as LanguageModel));
    const { logger = silentLogger, ledger = memoryLedger(), budgets = {} } = options;
    this.#guard = budgetGuard(
      ledger,
      budgets,
      () => new Date().toISOString(),
      (message, error) =>
        logger.warn(message, { why: this.#redact(error instanceof Error ? error.message : String(error)) }),
    );
    // The SDK would print what a provider does not support, on the console of whoever runs the agent.
    (globalThis as { AI_SDK_LOG_WARNINGS?: unknown }).AI_SDK_LOG_WARNINGS ??= false;
  }

  async decide<T>(task: ReasoningTask<T>, { signal }: DecideOptions = {}): Promise<Decision<T>> {
    assertTask(task);
    if (this.#closing.signal.aborted) throw new ReasonerError('closed', 'the reasoner was closed');
    const startedMs = performance.now();
    const delimiter = randomBytes(16).toString('hex');
    const prompt = buildPrompt(task, delimiter);
    const tally: Tally = { calls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, toolCalls: [] };
    const finish = async (end: Pick<Facts, 'decidedBy' | 'decision' | 'error'>) => {
      const record = reasoningRecord(
        task,
        {
          ...tally,
          ...end,
          reasoningId: randomUUID(),
          agentId: this.#options.agentId,
          model: this.model,
          promptHash: prompt.hash,
          durationMs: performance.now() - startedMs,
          at: new Date().toISOString(),
        },
        this.#redact,
      );
      await keepRecord(this.#options, record);
      return record;
    };
    try {
      const output = (await this.#ask(task, prompt, delimiter, tally, signal)) as T;
      return { output, by: 'model', record: await finish({ decidedBy: 'model', decision: output }) };
    } catch (thrown) {
      const error = isReasonerError(thrown)
        ? thrown
        : new ReasonerError(
            'model-unavailable',
            this.#redact(thrown instanceof Error ? thrown.message : String(thrown)),
          );
      const { code, message } = error;
      if (!this.#rulesMayDecide(error)) {
        await finish({ decidedBy: 'nobody', error: { code, message } });
        throw error;
      }
      (this.#options.logger ?? silentLogger).warn('the rules decide: the model did not', {
        purpose: task.purpose,
        code,
        message,
      });
      const output = await ruleOutput(task);
      const record = await finish({ decidedBy: 'rules', decision: output, error: { code, message } });
      return { output, by: 'rules', fallback: { code, message }, record };
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new ReasonerError('closed', 'the reasoner was closed'));
    await this.#options.onClose?.();
  }

  #rulesMayDecide({ code }: ReasonerError): boolean {
    if (code === 'aborted' || code === 'closed' || code === 'invalid-task') return false;
    if (code === 'budget-exhausted') return this.#options.overBudget === 'rules';
    return this.#options.fallback !== 'fail';
  }

  async #ask(
    task: ReasoningTask<unknown>,
    prompt: ReturnType<typeof buildPrompt>,
    delimiter: string,
    tally: Tally,
    outer: AbortSignal | undefined,
  ): Promise<unknown> {
    const { model, gate = closedGate, price, timeoutMs = 60_000, temperature, seed } = this.#options;
    const { maxOutputTokens = 512, repairs = 2, maxCalls = 8 } = this.#options;
    const stop = new AbortController();
    const timer = setTimeout(
      () => stop.abort(new ReasonerError('timed-out', `no decision within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const onOuter = (): void => stop.abort(new ReasonerError('aborted', 'the caller gave up'));
    const onClose = (): void => stop.abort(this.#closing.signal.reason);
    outer?.addEventListener('abort', onOuter);
    this.#closing.signal.addEventListener('abort', onClose);
    if (outer?.aborted === true) onOuter();
    let leave: () => void = () => {};
    // A model, a tool or a gate that ignores its signal does not hold up the decision.
    const aborted = new Promise<never>((_, reject) => {
      leave = () => reject(stop.signal.reason as Error);
      stop.signal.addEventListener('abort', leave);
      if (stop.signal.aborted) leave();
    });
    try {
      return await Promise.race([
        aborted,
        runModel({
          task,
          prompt,
          delimiter,
          call: {
            model: model as LanguageModel,
            maxOutputTokens,
            ...(temperature === undefined ? {} : { temperature }),
            ...(seed === undefined ? {} : { seed }),
          },
          gate,
          guard: this.#guard,
          price,
          repairs,
          maxCalls,
          redact: this.#redact,
          signal: stop.signal,
          tally,
        }),
      ]);
    } finally {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onOuter);
      this.#closing.signal.removeEventListener('abort', onClose);
      stop.signal.removeEventListener('abort', leave);
    }
  }
}

function assertBudgets({ budgets = {}, price }: ModelReasonerOptions): void {
  for (const [scope, limit] of Object.entries(budgets) as [string, { costUsd?: number }][])
    if (limit.costUsd !== undefined && price === undefined)
      throw new ReasonerError(
        'invalid-config',
        `budgets.${scope}.costUsd needs price: {inputUsdPerMillion, outputUsdPerMillion}`,
      );
}
