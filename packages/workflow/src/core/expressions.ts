import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { WorkflowError } from '../errors.ts';
import type { Json } from '../types/blueprint.ts';

/** What an expression may name. */
export interface Scope {
  readonly variables: Readonly<Record<string, Json>>;
  /** Ended steps, by id: `{ state, output, error, summary }`. */
  readonly steps: Readonly<Record<string, Json>>;
  /** `{ text, data }` of the request. */
  readonly request: Json;
  /** `{ id, workflowId, createdAt }`. */
  readonly session: Json;
  /** In a fan-out: what this time is about, and its place, counted from 0. */
  readonly item?: Json | undefined;
  readonly index?: number | undefined;
}

/** What the expressions of a trigger may name. */
export interface TriggerScope {
  /** `{ id, at, key }`. */
  readonly trigger: Json;
  /** Of telemetry: the payload as JSON, else as text. Null for a schedule. */
  readonly message: Json;
  readonly topic: string;
}

/** Where an expression stands decides what it may name. */
export type Place = 'step' | 'item' | 'trigger';

/** What an expression refers to, for checking before anything runs. */
export interface References {
  readonly variables: ReadonlySet<string>;
  readonly steps: ReadonlySet<string>;
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

/** CEL with JSON's one number type: a literal `1` and a JSON `2.5` may be added (CEL alone wants `1.0`). */
function createEnvironment(place: Place): Environment {
  const env = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 2000, maxDepth: 64, maxListElements: 500, maxMapEntries: 500 },
  });
  if (place === 'trigger') {
    env
      .registerVariable('trigger', 'map<string, dyn>')
      .registerVariable('message', 'dyn')
      .registerVariable('topic', 'string');
  } else {
    for (const name of ['variables', 'steps', 'session']) env.registerVariable(name, 'map<string, dyn>');
    env.registerVariable('request', 'dyn');
  }
  if (place === 'item') env.registerVariable('item', 'dyn').registerVariable('index', 'int');
  for (const [operator, apply] of Object.entries(ARITHMETIC)) {
    env.registerOperator(`double ${operator} int`, (a: number, b: bigint) => apply(a, Number(b)));
    env.registerOperator(`int ${operator} double`, (a: bigint, b: number) => apply(Number(a), b));
  }
  env.registerFunction('json(dyn): string', (value: unknown) => JSON.stringify(toJson(value)));
  return env;
}

const environments: Readonly<Record<Place, Environment>> = {
  step: createEnvironment('step'),
  item: createEnvironment('item'),
  trigger: createEnvironment('trigger'),
};

type Compiled = ReturnType<Environment['parse']>;
const CACHE_LIMIT = 2000;
const cache = new Map<string, Compiled>();

function compile(source: string, place: Place): Compiled {
  const key = `${place} ${source}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const compiled = environments[place].parse(source);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(key, compiled);
  return compiled;
}

function placeOf(scope: Scope | TriggerScope): Place {
  if ('trigger' in scope) return 'trigger';
  return scope.index === undefined ? 'step' : 'item';
}

/** Result of a CEL expression as JSON. Throws WorkflowError `expression`. */
export function evaluate(source: string, scope: Scope | TriggerScope): Json {
  try {
    return toJson(compile(source, placeOf(scope))(contextOf(scope)));
  } catch (error) {
    throw new WorkflowError('expression', `${source.trim()}: ${firstLine(error)}`, { cause: error });
  }
}

/** Listed: of a scope whose fields are made when they are asked for, too. CEL knows integers only as such. */
function contextOf(scope: Scope | TriggerScope): Record<string, unknown> {
  if ('trigger' in scope) return { trigger: scope.trigger, message: scope.message, topic: scope.topic };
  const { variables, steps, request, session, item, index } = scope;
  if (index === undefined) return { variables, steps, request, session };
  return { variables, steps, request, session, item, index: BigInt(index) };
}

/** A condition: throws WorkflowError `expression` also when the result is no boolean. */
export function evaluateCondition(source: string, scope: Scope | TriggerScope): boolean {
  const value = evaluate(source, scope);
  if (typeof value !== 'boolean')
    throw new WorkflowError(
      'expression',
      `${source.trim()}: a condition must be true or false, not ${typeName(value)}`,
    );
  return value;
}

/**
 * Resolves every `${ … }` in the strings of `value`. A string that is one expression keeps its type; in longer strings values
 * are written as text, objects as JSON. `$${` is a literal `${`.
 */
export function interpolate(value: Json, scope: Scope | TriggerScope): Json {
  if (typeof value === 'string') return interpolateString(value, scope);
  if (Array.isArray(value)) return value.map((item) => interpolate(item, scope));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, interpolate(member, scope)]));
}

function interpolateString(text: string, scope: Scope | TriggerScope): Json {
  if (!text.includes('${')) return text;
  const pieces = split(text);
  const [only] = pieces;
  if (pieces.length === 1 && only?.kind === 'expression') return evaluate(only.source, scope);
  return pieces
    .map((piece) => (piece.kind === 'text' ? piece.text : asText(evaluate(piece.source, scope))))
    .join('');
}

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'expression'; readonly source: string };

/** Text and `${ … }` pieces. Braces and quotes inside an expression are followed, so maps and strings with `}` work. */
function split(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let plain = '';
  for (let i = 0; i < text.length;) {
    if (text.startsWith('$${', i)) {
      plain += '${';
      i += 3;
    } else if (text.startsWith('${', i)) {
      const end = endOfExpression(text, i + 2);
      if (plain !== '') pieces.push({ kind: 'text', text: plain });
      plain = '';
      pieces.push({ kind: 'expression', source: text.slice(i + 2, end) });
      i = end + 1;
    } else plain += text[i++];
  }
  if (plain !== '' || pieces.length === 0) pieces.push({ kind: 'text', text: plain });
  return pieces;
}

function endOfExpression(text: string, from: number): number {
  let depth = 0;
  let quote = '';
  for (let i = from; i < text.length; i++) {
    const char = text[i] as string;
    if (quote !== '') {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth++;
    else if (char === '}' && depth-- === 0) return i;
  }
  throw new WorkflowError('expression', `${text.slice(from - 2, from + 40)}: "\${" has no closing "}"`);
}

/** The sources of the expressions in one string. Throws WorkflowError `expression` when one does not close. */
export function sourcesIn(text: string): readonly string[] {
  return split(text).flatMap((piece) => (piece.kind === 'expression' ? [piece.source] : []));
}

/** Every string inside `value`, with its path. */
export function stringsIn(
  value: Json,
  path = '',
): readonly { readonly path: string; readonly text: string }[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, index) => stringsIn(item, `${path}[${index}]`));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, member]) => stringsIn(member, `${path}.${key}`));
}

/** Parses and type-checks. Throws WorkflowError `expression` with the position in the expression. */
export function referencesOf(source: string, place: Place = 'step'): References {
  try {
    const compiled = compile(source, place);
    const { valid, error } = compiled.check();
    if (!valid) throw error ?? new Error('does not type-check');
    const found = { variables: new Set<string>(), steps: new Set<string>() };
    collect(compiled.ast, found);
    return found;
  } catch (error) {
    throw new WorkflowError('expression', `${source.trim()}: ${firstLine(error)}`, { cause: error });
  }
}

function collect(node: unknown, found: { variables: Set<string>; steps: Set<string> }): void {
  if (Array.isArray(node)) for (const item of node) collect(item, found);
  if (!isNode(node)) return;
  const root = selected(node);
  if (root?.base === 'variables') found.variables.add(root.name);
  if (root?.base === 'steps') found.steps.add(root.name);
  collect(node.args, found);
}

/** `base.name` or `base["name"]`. */
function selected(node: ASTNode): { base: string; name: string } | undefined {
  if (node.op !== '.' && node.op !== '.?' && node.op !== '[]' && node.op !== '[?]') return undefined;
  const [left, right] = node.args as readonly [ASTNode, ASTNode | string];
  if (left.op !== 'id') return undefined;
  const name = typeof right === 'string' ? right : right.op === 'value' ? right.args : undefined;
  return typeof name === 'string' ? { base: left.args, name } : undefined;
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

/** Values of types that only CEL has, durations for one, become text. */
function toJson(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, member]) => [String(key), toJson(member)]));
  if (value instanceof Date) return value.toISOString();
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return (value as { toString(): string }).toString();
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJson(member)]));
}

function asText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function typeName(value: Json): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0] ?? '';
}
