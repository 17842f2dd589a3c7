import type { Link, Logger } from '@shoal/mqtt-link';
import type { LlamaRuntime, Reasoner, ReasonerConfig, ToolGate } from '@shoal/reasoner';

export interface ReasonerSetup {
  readonly config: ReasonerConfig;
  /** See `FleetConfig.llamaModule`. */
  readonly llamaModule: string | null;
}

export interface ReasonerOwner {
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
  readonly link: Link;
  readonly logger: Logger;
  readonly gate?: ToolGate;
}

/**
 * The reasoner of an agent: decisions on record, usage in the ledger of the unit, both over the agent's own connection. Rejects with
 * ReasonerError `invalid-config`.
 */
export async function openReasoner(
  { config, llamaModule }: ReasonerSetup,
  { org, unit, agentId, link, logger, gate }: ReasonerOwner,
): Promise<Reasoner> {
  // Loaded only where a model is configured: most processes of the fleet never need it.
  const { createReasoner, retainedLedger, retainedRecords } = await import('@shoal/reasoner');
  return createReasoner(config, {
    agentId,
    logger,
    records: retainedRecords({ link, org, unit }),
    ledger: retainedLedger({ link, org, unit, agentId }),
    ...(gate === undefined ? {} : { gate }),
    ...(llamaModule === null ? {} : { llama: (await import(llamaModule)) as LlamaRuntime }),
  });
}
