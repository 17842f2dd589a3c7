import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelForm, type Language } from './model-form.ts';
import type { Schemas } from './schema-bundle.ts';

const TYPES = {
  python: {
    file: 'python/src/shoal_protocol/models.py',
    mend: 'python generate.py',
    block: (name: string) => new RegExp(`^class ${name}\\(.*?(?=^class |$(?![\\s\\S]))`, 'ms'),
    has: (block: string, key: string) => block.includes(`alias="${key}"`) || block.includes(`\n    ${key}: `),
  },
  go: {
    file: 'go/models.go',
    mend: 'go generate ./...',
    block: (name: string) => new RegExp(`^type ${name} struct \\{.*?^\\}`, 'ms'),
    has: (block: string, key: string) => block.includes(`json:"${key}`),
  },
} as const;

/**
 * Types of other languages that lack a definition or a member: their generators, which need not be there, have not been run. CI, where they
 * are, compares every letter.
 */
export function staleTypes(root: string, schemas: Schemas): string[] {
  return (Object.keys(TYPES) as Language[]).flatMap((language) => {
    const { file, mend, block, has } = TYPES[language];
    const text = readFileSync(join(root, file), 'utf8');
    const definitions = modelForm(schemas, language)['$defs'] as Schemas;
    const lacking = Object.entries(definitions).flatMap(([name, { properties }]) => {
      const found = properties === undefined ? '' : block(name).exec(text)?.[0];
      if (found === undefined) return [name];
      return Object.keys(properties ?? {}).flatMap((key) => (has(found, key) ? [] : [`${name}.${key}`]));
    });
    if (lacking.length === 0) return [];
    return [`protocol/${file} lacks ${lacking.slice(0, 5).join(', ')}: run ${mend} in protocol/${language}`];
  });
}
