export { isScaffoldError, SCAFFOLD_ERROR_CODES, ScaffoldError, type ScaffoldErrorCode } from './errors.ts';
export { SCAFFOLD_KINDS, type ScaffoldKind } from './core/kinds.ts';
export { scaffold, type Scaffolded, type ScaffoldOptions } from './io/scaffold.ts';
