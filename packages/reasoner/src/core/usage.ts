import type { BudgetLimit, Budgets, Price } from '../types.ts';

export interface Amount {
  readonly calls: number;
  readonly tokens: number;
  readonly costUsd: number;
}

export interface Tokens {
  readonly input: number;
  readonly output: number;
}

export const NOTHING: Amount = { calls: 0, tokens: 0, costUsd: 0 };

export function plus(a: Amount, b: Amount): Amount {
  return { calls: a.calls + b.calls, tokens: a.tokens + b.tokens, costUsd: a.costUsd + b.costUsd };
}

/** Never below zero: a counter that was lost meanwhile must not go negative. */
export function minus(a: Amount, b: Amount): Amount {
  return {
    calls: Math.max(0, a.calls - b.calls),
    tokens: Math.max(0, a.tokens - b.tokens),
    costUsd: Math.max(0, a.costUsd - b.costUsd),
  };
}

export function costOf({ input, output }: Tokens, price: Price | undefined): number {
  if (price === undefined) return 0;
  return (input * price.inputUsdPerMillion + output * price.outputUsdPerMillion) / 1_000_000;
}

/** More than any tokenizer in use makes of it: a token has about three to four bytes of English text. */
export function tokensAtMost(texts: readonly string[]): number {
  return Math.ceil(texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0) / 2);
}

/** What was used, by scope, the call that is about to be made included. */
export interface Totals {
  readonly agentPerDay?: Amount;
  readonly session?: Amount;
  readonly fleetPerDay?: Amount;
}

/** Says which budget does not allow it; undefined: all do. */
export function exceeded(budgets: Budgets, totals: Totals): string | undefined {
  for (const scope of ['session', 'agentPerDay', 'fleetPerDay'] as const) {
    const [limit, used] = [budgets[scope], totals[scope]];
    if (limit === undefined || used === undefined) continue;
    const over = overLimit(limit, used);
    if (over !== undefined) return `budgets.${scope}: ${over}`;
  }
  return undefined;
}

function overLimit({ tokens, costUsd }: BudgetLimit, used: Amount): string | undefined {
  if (tokens !== undefined && used.tokens > tokens)
    return `the call would bring it to ${used.tokens} of ${tokens} tokens`;
  if (costUsd !== undefined && used.costUsd > costUsd)
    return `the call would bring it to ${used.costUsd.toFixed(4)} of ${costUsd} US dollars`;
  return undefined;
}
