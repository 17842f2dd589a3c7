import { usageError } from '../errors.ts';
import { implement } from '../program/leaf.ts';

export const schema = implement<unknown>({
  async run(_context, [name]) {
    const { SHAPES } = await import('../shapes/index.ts');
    if (name === undefined) return { names: Object.keys(SHAPES) };
    const shape = SHAPES[name];
    if (shape === undefined)
      throw usageError(`no shape "${name}": there are ${Object.keys(SHAPES).join(', ')}`);
    return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: name, ...shape };
  },
  text: (value) => `${JSON.stringify(value, undefined, 2)}\n`,
});
