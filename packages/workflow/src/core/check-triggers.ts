import type { WorkflowDefinition, WorkflowTrigger } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
import { guarded } from './check-expressions.ts';
import type { Problem } from './check-workflow.ts';
import { cronProblem } from './cron.ts';
import { referencesOf, sourcesIn, stringsIn } from './expressions.ts';

/** A trigger starts a run with nobody there to be told what is wrong: it is found here. */
export function checkTriggers(definition: WorkflowDefinition): readonly Problem[] {
  const { triggers = [] } = definition;
  return triggers.flatMap((trigger, index) => {
    const path = `triggers[${index}]`;
    const first = triggers.findIndex(({ id }) => id === trigger.id);
    return [
      ...(first === index ? [] : [{ path: `${path}.id`, message: `trigger id "${trigger.id}" is taken` }]),
      ...checkInputs(definition, trigger, path),
      ...checkSources(trigger, path),
      ...checkKind(trigger, path),
    ];
  });
}

function checkInputs(
  { variables: declared = {} }: WorkflowDefinition,
  { variables: given = {} }: WorkflowTrigger,
  path: string,
): readonly Problem[] {
  const unknown = Object.keys(given).filter((name) => !(name in declared));
  const missing = Object.entries(declared).filter(
    ([name, { required, default: fallback }]) =>
      required !== false && fallback === undefined && !(name in given),
  );
  return [
    ...unknown.map((name) => ({
      path: `${path}.variables.${name}`,
      message: `variable "${name}" is not declared: declare it under variables`,
    })),
    ...missing.map(([name]) => ({ path, message: `gives no value to variable "${name}"` })),
  ];
}

function checkSources({ telemetry, variables = {} }: WorkflowTrigger, path: string): readonly Problem[] {
  const check = (source: string, at: string) =>
    guarded(at, () => {
      referencesOf(source, 'trigger');
      return [];
    });
  const own = (['when', 'key', 'clear'] as const).flatMap((field) => {
    const source = telemetry?.[field];
    return source === undefined ? [] : check(source, `${path}.telemetry.${field}`);
  });
  const given = stringsIn(variables as Json, `${path}.variables`).flatMap((found) =>
    guarded(found.path, () => sourcesIn(found.text).flatMap((source) => check(source, found.path))),
  );
  return [...own, ...given];
}

function checkKind({ schedule, telemetry }: WorkflowTrigger, path: string): readonly Problem[] {
  const problem = schedule === undefined ? undefined : cronProblem(schedule);
  if (problem !== undefined) return [{ path: `${path}.schedule.cron`, message: problem }];
  const { topic } = telemetry ?? {};
  if (topic === undefined) return [];
  if (topic.startsWith('$share/'))
    return [
      { path: `${path}.telemetry.topic`, message: 'every supervisor must see every message: not shared' },
    ];
  return /^([^#]*\/)?#$|^[^#]*$/.test(topic) && !/[^/]\+|\+[^/]/.test(topic)
    ? []
    : [
        {
          path: `${path}.telemetry.topic`,
          message: '"+" and "#" stand for whole levels, and "#" comes last',
        },
      ];
}
