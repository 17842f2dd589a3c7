import type { StepDefinition, StepUse, WorkflowDefinition } from '@shoal/protocol';
import { compensationStepId, itemStepId } from './active-step.ts';
import { checkExpressions } from './check-expressions.ts';
import { checkTriggers } from './check-triggers.ts';
import { findCycle } from './graph.ts';
import { needIds } from './plan.ts';
import { hasType } from './variables.ts';

/** A problem of a definition that the schema cannot see. `path` as in `steps[2].needs[0]`. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** What the executor knows beyond the file; unset lists are not checked. */
export interface Known {
  readonly blueprints?: readonly string[];
  readonly workflows?: readonly string[];
}

/** Everything that would go wrong later, found before anything runs. */
export function checkWorkflow(definition: WorkflowDefinition, known: Known = {}): readonly Problem[] {
  return [
    ...checkIds(definition),
    ...checkNeeds(definition),
    ...checkCycle(definition),
    ...checkUse(definition, known),
    ...checkVariables(definition),
    ...checkTriggers(definition),
    ...definition.steps.flatMap((_, index) => checkExpressions(definition, index)),
  ];
}

function checkIds({ steps }: WorkflowDefinition): readonly Problem[] {
  return steps.flatMap(({ id }, index) => {
    const first = steps.findIndex((step) => step.id === id);
    const path = `steps[${index}].id`;
    if (first !== index) return [{ path, message: `step id "${id}" is taken by steps[${first}]` }];
    const owner = steps.find((step) => isDerivedOf(id, step));
    return owner === undefined
      ? []
      : [{ path, message: `step id "${id}" is kept for what step "${owner.id}" starts: choose another` }];
  });
}

/** Items and compensations have records under ids of their own. */
function isDerivedOf(id: string, { id: owner, forEach, compensate }: StepDefinition): boolean {
  if (compensate !== undefined && id === compensationStepId(owner)) return true;
  const index = id.slice(owner.length + 1);
  return forEach !== undefined && /^\d+$/.test(index) && id === itemStepId(owner, Number(index));
}

function checkNeeds({ steps }: WorkflowDefinition): readonly Problem[] {
  const ids = new Set(steps.map((step) => step.id));
  return steps.flatMap((step, index) => {
    const needs = needIds(step);
    const problems = needs.flatMap((need, position) => {
      const path = `steps[${index}].needs[${position}]`;
      if (!ids.has(need))
        return [{ path, message: `needs "${need}", which is no step: there are ${[...ids].join(', ')}` }];
      return needs.indexOf(need) === position ? [] : [{ path, message: `needs "${need}" twice` }];
    });
    return [...problems, ...checkJoin(step, index, needs.length)];
  });
}

function checkJoin({ join }: StepDefinition, index: number, needs: number): readonly Problem[] {
  if (typeof join !== 'object') return [];
  const path = `steps[${index}].join`;
  const { atLeast = 0, onTimeout, withinSeconds } = join;
  if (needs === 0) return [{ path, message: 'joins nothing: the step has no needs' }];
  if (atLeast > needs)
    return [{ path: `${path}.atLeast`, message: `wants ${atLeast} needs, but there are ${needs}` }];
  return onTimeout !== undefined && withinSeconds === undefined
    ? [{ path: `${path}.onTimeout`, message: 'has no effect without withinSeconds' }]
    : [];
}

function checkCycle({ steps }: WorkflowDefinition): readonly Problem[] {
  const cycle = findCycle(steps.map((step) => ({ id: step.id, needs: needIds(step) })));
  if (cycle === undefined) return [];
  const index = steps.findIndex((step) => step.id === cycle[0]);
  return [{ path: `steps[${index}].needs`, message: `steps wait for each other: ${cycle.join(' needs ')}` }];
}

function checkUse({ steps }: WorkflowDefinition, known: Known): readonly Problem[] {
  return steps.flatMap(({ use, forEach, compensate, idempotent }, index) => {
    const path = `steps[${index}]`;
    const problems = [...checkKnown(use, `${path}.use`, known)];
    if (compensate !== undefined) {
      problems.push(...checkKnown(compensate.use, `${path}.compensate.use`, known));
      if (compensate.use.approval !== undefined)
        problems.push({
          path: `${path}.compensate.use.approval`,
          message: 'a compensation cannot wait for a person: nothing may keep it from running',
        });
    }
    if (use.approval !== undefined && forEach !== undefined)
      problems.push({
        path: `${path}.forEach`,
        message: 'an approval is asked once: put it in a step before',
      });
    if (use.approval !== undefined && idempotent === false)
      problems.push({ path: `${path}.idempotent`, message: 'has no effect on an approval' });
    return problems;
  });
}

function checkKnown(use: StepUse, path: string, { blueprints, workflows }: Known): readonly Problem[] {
  const missing = (
    kind: 'blueprint' | 'workflow',
    id: string | undefined,
    all: readonly string[] | undefined,
  ) =>
    id === undefined || all === undefined || all.includes(id)
      ? []
      : [
          {
            path: `${path}.${kind}`,
            message: `${kind} "${id}" is unknown: there are ${all.join(', ') || 'none'}`,
          },
        ];
  return [
    ...missing('blueprint', use.blueprint, blueprints),
    ...missing('workflow', use.workflow, workflows),
  ];
}

function checkVariables({ variables = {} }: WorkflowDefinition): readonly Problem[] {
  return Object.entries(variables).flatMap(([name, variable]) =>
    variable.default === undefined || hasType(variable.default, variable.type)
      ? []
      : [{ path: `variables.${name}.default`, message: `is not of type ${variable.type}` }],
  );
}
