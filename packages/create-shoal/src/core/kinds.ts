import { ScaffoldError } from '../errors.ts';

/** The templates, by the name that the command line takes. */
export const SCAFFOLD_KINDS = ['agent', 'workflow', 'device', 'fleet'] as const;

export type ScaffoldKind = (typeof SCAFFOLD_KINDS)[number];

/** Throws ScaffoldError `unknown-kind`. */
export function parseKind(text: string): ScaffoldKind {
  const kind = SCAFFOLD_KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  throw new ScaffoldError(
    'unknown-kind',
    `there is no template ${JSON.stringify(text)}; there are: ${SCAFFOLD_KINDS.join(', ')}`,
  );
}
