import type { StepDefinition, WorkflowDefinition } from '@shoal/protocol';
import { isWorkflowError } from '../errors.ts';
import type { Json } from '../types/blueprint.ts';
import type { Problem } from './check-workflow.ts';
import { referencesOf, sourcesIn, stringsIn, type Place } from './expressions.ts';
import { ancestorsOf } from './graph.ts';
import { needIds } from './plan.ts';

interface Found {
  readonly path: string;
  readonly source: string;
  readonly place: Place;
  /** A compensation runs when every step has ended: it may read all of them. */
  readonly readsAll?: boolean;
}

/** Every expression of a step: does it parse, does it type-check, and is what it names there by then? */
export function checkExpressions(definition: WorkflowDefinition, index: number): readonly Problem[] {
  const step = definition.steps[index];
  if (step === undefined) return [];
  const base = `steps[${index}]`;
  const place: Place = step.forEach === undefined ? 'step' : 'item';
  const { with: input, use, forEach, when, compensate } = step;
  const strings = (value: unknown, path: string, at: Place, readsAll = false) =>
    checkStrings(definition, step, value as Json, path, at, readsAll);
  const source = (text: string | undefined, path: string) =>
    text === undefined
      ? []
      : guarded(path, () => checkReferences(definition, step, { path, source: text, place: 'step' }));
  return [
    ...strings(input ?? {}, `${base}.with`, place),
    ...strings(use, `${base}.use`, place),
    ...strings(forEach?.select ?? {}, `${base}.forEach.select`, 'step'),
    ...source(forEach?.in, `${base}.forEach.in`),
    ...source(when, `${base}.when`),
    ...strings(compensate?.use ?? {}, `${base}.compensate.use`, 'step', true),
    ...strings(compensate?.with ?? {}, `${base}.compensate.with`, 'step', true),
  ];
}

function checkStrings(
  definition: WorkflowDefinition,
  step: StepDefinition,
  value: Json,
  root: string,
  place: Place,
  readsAll: boolean,
): readonly Problem[] {
  return stringsIn(value, root).flatMap(({ path, text }) =>
    guarded(path, () =>
      sourcesIn(text).flatMap((source) =>
        checkReferences(definition, step, { path, source, place, readsAll }),
      ),
    ),
  );
}

/** Throws WorkflowError `expression` for a source that does not parse or type-check. */
function checkReferences(
  definition: WorkflowDefinition,
  { id: stepId }: StepDefinition,
  { path, source, place, readsAll = false }: Found,
): readonly Problem[] {
  const { variables, steps } = referencesOf(source, place);
  const declared = definition.variables ?? {};
  const graph = definition.steps.map((step) => ({ id: step.id, needs: needIds(step) }));
  const before = readsAll ? new Set(graph.map(({ id }) => id)) : ancestorsOf(stepId, graph);
  const why = readsAll ? 'which is no step' : `which ${stepId} does not wait for: add it to needs`;
  return [
    ...[...variables]
      .filter((name) => !(name in declared))
      .map((name) => ({ path, message: `variable "${name}" is not declared: declare it under variables` })),
    ...[...steps]
      .filter((id) => !before.has(id))
      .map((id) => ({ path, message: `reads step "${id}", ${why}` })),
  ];
}

/** What an expression that cannot be used throws, as a problem. */
export function guarded(path: string, check: () => readonly Problem[]): readonly Problem[] {
  try {
    return check();
  } catch (error) {
    if (!isWorkflowError(error)) throw error;
    return [{ path, message: error.message }];
  }
}
