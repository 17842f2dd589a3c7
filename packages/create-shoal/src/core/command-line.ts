import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { ScaffoldError } from '../errors.ts';
import { parseKind, SCAFFOLD_KINDS, type ScaffoldKind } from './kinds.ts';

export const USAGE = `create-shoal KIND NAME [--dir FOLDER] [--org ORG] [--unit UNIT]

Starts a project of your own with an agent on an MQTT broker.

  KIND     ${SCAFFOLD_KINDS.join(', ')}
  NAME     name of the package and id of the agent, workflow or device, for example pump-inspector
  --dir    where to write it; default: a folder of that name. It must be missing or empty
  --org    A2A organisation, default acme
  --unit   A2A unit, default plant-1
  --help   this text
`;

export type CommandLine =
  | { readonly help: true }
  | {
      readonly help: false;
      readonly kind: ScaffoldKind;
      readonly options: {
        readonly name: string;
        readonly directory?: string;
        readonly org?: string;
        readonly unit?: string;
      };
    };

/** Throws ScaffoldError `usage` or `unknown-kind`. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args);
  if (values.help === true) return { help: true };
  const [kind, name, ...more] = positionals;
  if (kind === undefined || more.length > 0)
    throw new ScaffoldError('usage', `expected a kind and a name\n\n${USAGE}`);
  const parsed = parseKind(kind);
  const named = name ?? (values.dir === undefined ? undefined : basename(values.dir));
  if (named === undefined)
    throw new ScaffoldError('usage', `a name is missing, for example: create-shoal ${kind} pump-inspector`);
  return {
    help: false,
    kind: parsed,
    options: {
      name: named,
      ...(values.dir === undefined ? {} : { directory: values.dir }),
      ...(values.org === undefined ? {} : { org: values.org }),
      ...(values.unit === undefined ? {} : { unit: values.unit }),
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        dir: { type: 'string' },
        org: { type: 'string' },
        unit: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new ScaffoldError('usage', `${(error as Error).message}\n\n${USAGE}`, { cause: error });
  }
}
