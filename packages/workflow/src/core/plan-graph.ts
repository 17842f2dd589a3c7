import type { StepDefinition, StepUse, WorkflowDefinition } from '@shoal/protocol';
import { closerOf, topologicalOrder } from './graph.ts';
import { needIds } from './plan.ts';

export type GraphFormat = 'text' | 'mermaid';

/** The graph of a workflow for people: lines in the order in which steps may run, or a Mermaid flowchart. */
export function planGraph(definition: WorkflowDefinition, format: GraphFormat = 'text'): string {
  return format === 'text' ? asText(definition) : asMermaid(definition);
}

/** Steps with the same level wait for nothing but lower ones. */
export function levelsOf(definition: WorkflowDefinition): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  for (const { id, needs } of topologicalOrder(graphOf(definition)))
    levels.set(id, Math.max(-1, ...needs.map((need) => levels.get(need) ?? -1)) + 1);
  return levels;
}

function graphOf({ steps }: WorkflowDefinition) {
  return steps.map((step) => ({ id: step.id, needs: needIds(step) }));
}

function inOrder(definition: WorkflowDefinition): readonly StepDefinition[] {
  const byId = new Map(definition.steps.map((step) => [step.id, step]));
  return topologicalOrder(graphOf(definition)).flatMap(({ id }) => byId.get(id) ?? []);
}

function asText(definition: WorkflowDefinition): string {
  const levels = levelsOf(definition);
  const closer = closerOf(graphOf(definition));
  const triggers = (definition.triggers ?? []).map(
    ({ id, schedule, telemetry }) => `! ${id}: ${schedule?.cron ?? telemetry?.when ?? ''}`,
  );
  const steps = inOrder(definition).map((step) => {
    const needs = (step.needs ?? []).map((need) =>
      typeof need === 'string' || need.onFailure === undefined
        ? nameOf(need)
        : `${need.step} (${need.onFailure})`,
    );
    const notes = [...notesOf(step), ...(step.id === closer ? ['closes'] : [])];
    return [
      `${levels.get(step.id) ?? 0}  ${step.id}: ${useOf(step.use)}`,
      ...(needs.length === 0 ? [] : [`<- ${needs.join(', ')}`]),
      ...(notes.length === 0 ? [] : [`[${notes.join('; ')}]`]),
    ].join(' ');
  });
  return [`${definition.id} ${definition.version ?? '1.0.0'}`, ...triggers, ...steps, ''].join('\n');
}

function asMermaid(definition: WorkflowDefinition): string {
  const name = new Map(definition.steps.map(({ id }, index) => [id, `s${index}`]));
  const lines = inOrder(definition).flatMap((step) => {
    const notes = notesOf(step);
    const label = [step.id, useOf(step.use), ...notes].map(escaped).join('<br/>');
    const own = name.get(step.id) ?? step.id;
    const shape = step.use.approval === undefined ? `["${label}"]` : `{{"${label}"}}`;
    const edges = (step.needs ?? []).map((need) => {
      const policy = typeof need === 'string' ? undefined : need.onFailure;
      return `  ${name.get(nameOf(need)) ?? ''} -->${policy === undefined ? '' : `|${policy}|`} ${own}`;
    });
    const undo =
      step.compensate === undefined
        ? []
        : [`  ${own} -.->|compensate| ${own}u["${escaped(useOf(step.compensate.use))}"]`];
    return [`  ${own}${shape}`, ...edges, ...undo];
  });
  return ['flowchart TD', ...lines, ''].join('\n');
}

function nameOf(need: string | { readonly step: string }): string {
  return typeof need === 'string' ? need : need.step;
}

function useOf(use: StepUse): string {
  const [[kind, value] = ['', '']] = Object.entries(use);
  return typeof value === 'string' ? `${kind} ${value}` : kind;
}

function notesOf({
  forEach,
  when,
  join,
  idempotent,
  compensate,
  onFailure,
}: StepDefinition): readonly string[] {
  return [
    ...(forEach === undefined
      ? []
      : [`for each of ${forEach.in ?? `the agents with ${JSON.stringify(forEach.select)}`}`]),
    ...(when === undefined ? [] : [`when ${when}`]),
    ...(join === undefined || join === 'all'
      ? []
      : [`join ${typeof join === 'string' ? join : JSON.stringify(join)}`]),
    ...(idempotent === false ? ['acts once'] : []),
    ...(onFailure === undefined ? [] : [`on failure ${onFailure}`]),
    ...(compensate === undefined ? [] : [`undone by ${useOf(compensate.use)}`]),
  ];
}

/** Mermaid reads quotes and angle brackets in labels. */
function escaped(text: string): string {
  return text.replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;');
}
