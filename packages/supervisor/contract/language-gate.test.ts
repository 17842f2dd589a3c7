import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/**
 * A field of the schema that no executor reads is a defect (DESIGN §5). So each has a test that runs it, on real brokers or in the pure
 * core, and says so in its name: `Type.field`. A field that is added without one fails here.
 */
const ROOTS = ['./', '../src/core/', '../../workflow/contract/', '../../workflow/src/core/'];

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
}

const schema = JSON.parse(
  readFileSync(
    new URL('../../../protocol/schemas/v1/WorkflowDefinition.schema.json', import.meta.url),
    'utf8',
  ),
) as Schema & { readonly $defs: Readonly<Record<string, Schema>> };

/** `Type.field` of every type that a workflow is written with. `JoinRule` is the object among the forms of `StepJoin`. */
function fields(): readonly string[] {
  const found = new Set(Object.keys(schema.properties ?? {}).map((name) => `WorkflowDefinition.${name}`));
  for (const [type, definition] of Object.entries(schema.$defs)) {
    for (const name of Object.keys(definition.properties ?? {})) found.add(`${type}.${name}`);
    for (const form of definition.anyOf ?? [])
      for (const name of Object.keys(form.properties ?? {})) found.add(`JoinRule.${name}`);
  }
  return [...found].toSorted();
}

/** What the strings of the tests cite. Comments and code do not count. */
function cited(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const root of ROOTS) {
    const folder = fileURLToPath(new URL(root, import.meta.url));
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.test.ts'))) {
      const text = readFileSync(`${folder}/${file}`, 'utf8');
      for (const [, words = ''] of text.matchAll(/'((?:[^'\\\n]|\\.)*)'/g))
        for (const [name] of words.matchAll(/\b[A-Z][A-Za-z]+\.[a-z][A-Za-z]*\b(?!\.)/g)) found.add(name);
    }
  }
  return found;
}

test('every field of the workflow schema is cited by the test that executes it', () => {
  const known = cited();
  expect(fields().filter((name) => !known.has(name))).toEqual([]);
});

test('no test cites a field that does not exist', () => {
  const all = new Set(fields());
  const types = new Set(fields().map((name) => name.split('.', 1)[0]));
  const stale = [...cited()].filter((name) => types.has(name.split('.', 1)[0]) && !all.has(name));
  expect(stale.filter((name) => name !== 'FailurePolicy.compensate')).toEqual([]);
});
