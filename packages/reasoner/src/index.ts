export { isReasonerError, REASONER_ERROR_CODES, ReasonerError, type ReasonerErrorCode } from './errors.ts';
export type {
  Admission,
  AnyLanguageModel,
  BudgetLimit,
  Budgets,
  DecideOptions,
  Decision,
  JsonSchema,
  OfferedTool,
  Price,
  Reasoner,
  ReasoningTask,
  RecordSink,
  ToolGate,
  ToolRequest,
} from './types.ts';
export { cleanText, fence } from './core/fence.ts';
export { allowTools, closedGate, readOnlyGate } from './core/gates.ts';
export {
  parseReasonerConfig,
  type LlamaConfig,
  type OpenAiCompatibleConfig,
  type ReasonerConfig,
  type RulesConfig,
} from './core/reasoner-config.ts';
export {
  chooseOne,
  draftText,
  type Choice,
  type ChoiceOptions,
  type Draft,
  type DraftOptions,
} from './core/tasks.ts';
export type { Amount } from './core/usage.ts';
export { createReasoner, type CreateReasonerOptions } from './io/create-reasoner.ts';
export {
  memoryLedger,
  retainedLedger,
  type Ledger,
  type RetainedLedgerOptions,
  type Scope,
} from './io/ledger.ts';
export type { LlamaRuntime } from './io/llama-model.ts';
export { modelReasoner, type ModelReasonerOptions } from './io/model-reasoner.ts';
export { mcpTools, peerTools, type AskPeer, type McpClient, type Peer } from './io/offered-tools.ts';
export { retainedRecords, type RetainedRecordsOptions } from './io/records.ts';
export { rulesReasoner } from './io/rules-reasoner.ts';
export type { ReasonerSettings } from './io/settings.ts';
