import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

const MAX_FAULTS = 5;

/** Compiles a schema when it is first needed. The function says what is wrong with a value: undefined when nothing is. */
export function checker(schema: TSchema, label: string): (value: unknown) => string | undefined {
  let compiled: ReturnType<typeof Compile> | undefined;
  return (value) => {
    compiled ??= Compile(schema);
    if (compiled.Check(value)) return undefined;
    const faults = compiled.Errors(value).slice(0, MAX_FAULTS);
    return faults.map(({ instancePath, message }) => `${label}${dotted(instancePath)} ${message}`).join('; ');
  };
}

/** `/a/0/b` as `.a[0].b`. */
function dotted(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((step) =>
      /^\d+$/.test(step) ? `[${step}]` : `.${step.replaceAll('~1', '/').replaceAll('~0', '~')}`,
    )
    .join('');
}
