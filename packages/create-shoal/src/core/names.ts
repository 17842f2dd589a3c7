import { ScaffoldError } from '../errors.ts';

const MAX_NAME = 64;
/** What npm takes for a package name and A2A over MQTT for an agent id, so that one name can be both. */
const PROJECT_NAME = /^[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*$/;
const IDENTIFIER = /^[A-Za-z0-9_.-]+$/;
/** npm refuses them. */
const RESERVED = new Set(['node_modules', 'favicon.ico']);

/** Throws ScaffoldError `invalid-name`. */
export function assertProjectName(name: string): void {
  if (name.length <= MAX_NAME && PROJECT_NAME.test(name) && !RESERVED.has(name)) return;
  throw new ScaffoldError(
    'invalid-name',
    `name ${JSON.stringify(name)}: small letters, digits, and single - . _ between them, a letter first, at most ${MAX_NAME}, ` +
      'for example pump-inspector',
  );
}

/** An A2A organisation or unit: a level of an MQTT topic. */
export function assertIdentifier(field: string, value: string): void {
  if (value.length <= MAX_NAME && IDENTIFIER.test(value)) return;
  throw new ScaffoldError(
    'invalid-name',
    `${field} ${JSON.stringify(value)}: letters, digits, - . and _, at most ${MAX_NAME}, for example plant-1`,
  );
}
