import { NOTHING, exceeded, minus, type Amount } from '../core/usage.ts';
import { ReasonerError } from '../errors.ts';
import type { Budgets } from '../types.ts';
import type { Ledger, Scope } from './ledger.ts';

export interface Reservation {
  /** Replaces what was reserved by what was used. Never rejects: what could not be written stays counted. */
  settle(actual: Amount): Promise<void>;
}

export interface BudgetGuard {
  /** Throws ReasonerError `budget-exhausted` or `ledger-unavailable`; nothing is reserved then. */
  reserve(estimate: Amount, sessionId: string | undefined): Promise<Reservation>;
}

/** Writes what a call may use before it is made, looks at the sums, and takes it back when a budget does not allow it. */
export function budgetGuard(
  ledger: Ledger,
  budgets: Budgets,
  nowIso: () => string,
  onFault: (message: string, error: unknown) => void,
): BudgetGuard {
  const limited = Object.values(budgets).some(
    (limit: { tokens?: number; costUsd?: number } | undefined) =>
      limit?.tokens !== undefined || limit?.costUsd !== undefined,
  );
  return {
    async reserve(estimate, sessionId) {
      const day: Scope = { scope: 'day', scopeId: nowIso().slice(0, 10) };
      const session: Scope | undefined =
        sessionId === undefined ? undefined : { scope: 'session', scopeId: sessionId };
      const scopes = session === undefined ? [day] : [day, session];
      const kept: Scope[] = [];
      const takeBack = async (amount: Amount): Promise<void> => {
        for (const scope of kept) {
          await ledger
            .take(scope, amount)
            .catch((error: unknown) => onFault('what was reserved could not be taken back', error));
        }
      };
      try {
        for (const scope of scopes) {
          await ledger.add(scope, estimate);
          kept.push(scope);
        }
        const over = limited ? await overBudget(ledger, budgets, day, session) : undefined;
        if (over !== undefined) throw new ReasonerError('budget-exhausted', over);
      } catch (error) {
        await takeBack(estimate);
        if (error instanceof ReasonerError) throw error;
        if (limited)
          throw new ReasonerError(
            'ledger-unavailable',
            error instanceof Error ? error.message : String(error),
          );
        onFault('usage could not be written', error);
        kept.length = 0;
      }
      return { settle: (actual) => settle(ledger, kept, estimate, actual, onFault) };
    },
  };
}

async function overBudget(
  ledger: Ledger,
  budgets: Budgets,
  day: Scope,
  session: Scope | undefined,
): Promise<string | undefined> {
  const today =
    budgets.agentPerDay === undefined && budgets.fleetPerDay === undefined
      ? { own: NOTHING, all: NOTHING }
      : await ledger.totals(day);
  return exceeded(budgets, {
    agentPerDay: today.own,
    fleetPerDay: today.all,
    ...(session === undefined || budgets.session === undefined
      ? {}
      : { session: (await ledger.totals(session)).all }),
  });
}

async function settle(
  ledger: Ledger,
  scopes: readonly Scope[],
  estimate: Amount,
  actual: Amount,
  onFault: (message: string, error: unknown) => void,
): Promise<void> {
  const [tooMuch, tooLittle] = [minus(estimate, actual), minus(actual, estimate)];
  for (const scope of scopes) {
    try {
      if (isSome(tooMuch)) await ledger.take(scope, tooMuch);
      if (isSome(tooLittle)) await ledger.add(scope, tooLittle);
    } catch (error) {
      onFault('what was used could not be written; the reservation stays counted', error);
    }
  }
}

function isSome({ calls, tokens, costUsd }: Amount): boolean {
  return calls > 0 || tokens > 0 || costUsd > 0;
}
