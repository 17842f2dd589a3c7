import type {
  Message,
  PlannedStep,
  SessionRecord,
  StepDefinition,
  TraceContext,
  WorkflowDefinition,
} from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import { closerOf, topologicalOrder } from './graph.ts';
import { sealPlan, shareSteps } from './seal-plan.ts';
import { resolveVariables } from './variables.ts';

export interface PlanInput {
  readonly org: string;
  readonly unit: string;
  readonly sessionId: string;
  readonly contextId: string;
  readonly message: Message;
  /** `metadata.variables` of the request. */
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly parent?: NonNullable<SessionRecord['parent']>;
  /** Of whatever asked for the run: its steps belong to the same trace. */
  readonly trace?: TraceContext | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Longest canonical plan. Default 256 KiB: it is one retained message. */
  readonly maxPlanBytes?: number;
}

const DEFAULTS = {
  deadlineSeconds: 3600,
  retentionSeconds: 3600,
  compensationSeconds: 600,
  timeoutSeconds: 300,
} as const;

/**
 * The immutable record of a run (DESIGN rule 3). The same request gives the same `planHash` on every supervisor; only the times
 * differ. Throws WorkflowError `invalid-request` for variables that are missing, unknown or mistyped, and for a plan too large.
 */
export function planWorkflow(definition: WorkflowDefinition, input: PlanInput): SessionRecord {
  const { steps, closer, compensates } = graphOf(definition);
  if (closer === undefined)
    throw new WorkflowError('invalid-workflow', `workflow ${definition.id} has no terminal step`);
  const retentionSeconds = definition.retentionSeconds ?? DEFAULTS.retentionSeconds;
  const content = {
    schemaVersion: 1 as const,
    sessionId: input.sessionId,
    org: input.org,
    unit: input.unit,
    workflowId: definition.id,
    workflowVersion: definition.version ?? '1.0.0',
    contextId: input.contextId,
    request: input.message,
    variables: resolveVariables(definition, input.message, input.variables),
    steps: [...steps],
    closer,
    ...(input.parent === undefined ? {} : { parent: input.parent }),
    ...(compensates
      ? { compensationSeconds: definition.compensationSeconds ?? DEFAULTS.compensationSeconds }
      : {}),
    retentionSeconds,
  };
  return sealPlan(content, (definition.deadlineSeconds ?? DEFAULTS.deadlineSeconds) * 1000, input);
}

/** What all plans of one definition have in common. */
interface PlannedGraph {
  readonly steps: readonly PlannedStep[];
  readonly closer: string | undefined;
  readonly compensates: boolean;
}

/** Of each definition once: nobody changes a definition that sessions were planned from. */
const plannedGraphs = new WeakMap<WorkflowDefinition, PlannedGraph>();

function graphOf(definition: WorkflowDefinition): PlannedGraph {
  const known = plannedGraphs.get(definition);
  if (known !== undefined) return known;
  const steps = shareSteps(planSteps(definition));
  const closer = closerOf(steps.map(asGraphStep));
  const graph = { steps, closer, compensates: steps.some(({ compensate }) => compensate !== undefined) };
  plannedGraphs.set(definition, graph);
  return graph;
}

function planSteps(definition: WorkflowDefinition): readonly PlannedStep[] {
  const byId = new Map(definition.steps.map((step) => [step.id, step]));
  return topologicalOrder(definition.steps.map((step) => ({ id: step.id, needs: needIds(step) }))).flatMap(
    ({ id }) => {
      const step = byId.get(id);
      return step === undefined ? [] : [planStep(step, byId)];
    },
  );
}

function planStep(step: StepDefinition, byId: ReadonlyMap<string, StepDefinition>): PlannedStep {
  return {
    id: step.id,
    ...(step.description === undefined ? {} : { description: step.description }),
    use: step.use,
    ...(step.with === undefined ? {} : { with: step.with }),
    needs: (step.needs ?? []).map((need) => {
      const edge = typeof need === 'string' ? { step: need } : need;
      return { step: edge.step, onFailure: edge.onFailure ?? byId.get(edge.step)?.onFailure ?? 'fail' };
    }),
    join: step.join ?? 'all',
    ...(step.when === undefined ? {} : { when: step.when }),
    ...(step.forEach === undefined ? {} : { forEach: step.forEach }),
    timeoutSeconds: step.timeoutSeconds ?? DEFAULTS.timeoutSeconds,
    retry: { maxAttempts: 3, backoffSeconds: 1, maxBackoffSeconds: 30, jitter: 0.2, ...step.retry },
    onFailure: step.onFailure ?? 'fail',
    ...(step.compensate === undefined ? {} : { compensate: step.compensate }),
    ...(step.placement === undefined ? {} : { placement: step.placement }),
    ...(step.idempotent === undefined ? {} : { idempotent: step.idempotent }),
  };
}

/** Ids of the steps that a step needs, whichever way they are written. */
export function needIds(step: Pick<StepDefinition, 'needs'>): readonly string[] {
  return (step.needs ?? []).map((need) => (typeof need === 'string' ? need : need.step));
}

function asGraphStep(step: PlannedStep): { id: string; needs: readonly string[] } {
  return { id: step.id, needs: step.needs.map((edge) => edge.step) };
}
