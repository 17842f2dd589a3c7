import type { WorkflowDefinition } from '@shoal/protocol';
import { isWorkflowError } from '../errors.ts';
import type { Json } from '../types/blueprint.ts';
import { referencesOf, sourcesIn, stringsIn } from './expressions.ts';
import { ancestorsOf, findCycle } from './graph.ts';
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
}

/** Everything that would go wrong later, found before anything runs. */
export function checkWorkflow(definition: WorkflowDefinition, known: Known = {}): readonly Problem[] {
  return [
    ...checkIds(definition),
    ...checkNeeds(definition),
    ...checkCycle(definition),
    ...checkUse(definition, known),
    ...checkVariables(definition),
    ...definition.steps.flatMap((_, index) => checkExpressions(definition, index)),
  ];
}

function checkIds({ steps }: WorkflowDefinition): readonly Problem[] {
  return steps.flatMap(({ id }, index) => {
    const first = steps.findIndex((step) => step.id === id);
    return first === index
      ? []
      : [{ path: `steps[${index}].id`, message: `step id "${id}" is taken by steps[${first}]` }];
  });
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
    if (typeof step.join === 'object' && step.join.atLeast > needs.length)
      problems.push({
        path: `steps[${index}].join.atLeast`,
        message: `wants ${step.join.atLeast} needs, but there are ${needs.length}`,
      });
    return problems;
  });
}

function checkCycle({ steps }: WorkflowDefinition): readonly Problem[] {
  const cycle = findCycle(steps.map((step) => ({ id: step.id, needs: needIds(step) })));
  if (cycle === undefined) return [];
  const index = steps.findIndex((step) => step.id === cycle[0]);
  return [{ path: `steps[${index}].needs`, message: `steps wait for each other: ${cycle.join(' needs ')}` }];
}

function checkUse({ steps }: WorkflowDefinition, { blueprints }: Known): readonly Problem[] {
  if (blueprints === undefined) return [];
  return steps.flatMap(({ use }, index) =>
    use.blueprint === undefined || blueprints.includes(use.blueprint)
      ? []
      : [
          {
            path: `steps[${index}].use.blueprint`,
            message: `blueprint "${use.blueprint}" is unknown: there are ${blueprints.join(', ') || 'none'}`,
          },
        ],
  );
}

function checkVariables({ variables = {} }: WorkflowDefinition): readonly Problem[] {
  return Object.entries(variables).flatMap(([name, variable]) =>
    variable.default === undefined || hasType(variable.default, variable.type)
      ? []
      : [{ path: `variables.${name}.default`, message: `is not of type ${variable.type}` }],
  );
}

function checkExpressions(definition: WorkflowDefinition, index: number): readonly Problem[] {
  const step = definition.steps[index];
  if (step === undefined) return [];
  const base = `steps[${index}]`;
  const strings = [
    ...stringsIn((step.with ?? {}) as Json, `${base}.with`),
    ...(step.use.agent === undefined ? [] : [{ path: `${base}.use.agent`, text: step.use.agent }]),
  ];
  const inStrings = strings.flatMap(({ path, text }) =>
    guarded(path, () =>
      sourcesIn(text).flatMap((source) => checkReferences(definition, step.id, path, source)),
    ),
  );
  const { when } = step;
  if (when === undefined) return inStrings;
  const path = `${base}.when`;
  return [...inStrings, ...guarded(path, () => checkReferences(definition, step.id, path, when))];
}

/** Throws WorkflowError `expression` for a source that does not parse or type-check. */
function checkReferences(
  definition: WorkflowDefinition,
  stepId: string,
  path: string,
  source: string,
): readonly Problem[] {
  const { variables, steps } = referencesOf(source);
  const declared = definition.variables ?? {};
  const before = ancestorsOf(
    stepId,
    definition.steps.map((step) => ({ id: step.id, needs: needIds(step) })),
  );
  return [
    ...[...variables]
      .filter((name) => !(name in declared))
      .map((name) => ({ path, message: `variable "${name}" is not declared: declare it under variables` })),
    ...[...steps]
      .filter((id) => !before.has(id))
      .map((id) => ({
        path,
        message: `reads step "${id}", which ${stepId} does not wait for: add it to needs`,
      })),
  ];
}

function guarded(path: string, check: () => readonly Problem[]): readonly Problem[] {
  try {
    return check();
  } catch (error) {
    if (!isWorkflowError(error)) throw error;
    return [{ path, message: error.message }];
  }
}
