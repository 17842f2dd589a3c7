/** What a tool says of itself in MCP's `tools/list`, and reading it back. Pure. */
import { Type, type Static, type TObject, type TProperties } from 'typebox';
import { DeviceToolError } from './errors.ts';
import { isRiskClass, type RiskClass } from './risk.ts';

/** `_meta` key of a device tool. */
export const DEVICE_TOOL_META = 'shoal/tool';

export type JsonRecord = Readonly<Record<string, unknown>>;

/** A condition over the device's channels that both ends can check. True blocks. A channel without a value blocks too. */
export interface ChannelCondition {
  readonly channel: string;
  readonly unit: string;
  readonly above?: number;
  readonly below?: number;
}

export interface Interlock {
  /** Short and stable: what a refusal names. */
  readonly name: string;
  readonly description: string;
  /** Unset: only the device knows, such as the position of a switch. */
  readonly blockedWhen?: ChannelCondition;
}

/** The content of `_meta['shoal/tool']`. */
export interface DeviceToolDeclaration {
  readonly risk: RiskClass;
  readonly interlocks: readonly Interlock[];
  /** The tool takes `requestId`, `dryRun` and `approvalId`. */
  readonly guarded: boolean;
  /** How long the device remembers what it did under a `requestId`, in seconds, and which life of its memory this is. */
  readonly memory?: { readonly id: string; readonly seconds: number };
}

/** Arguments that belong to the door, not to the tool. */
export const GUARD_ARGUMENTS = ['requestId', 'dryRun', 'approvalId'] as const;

const GUARDS = {
  requestId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description:
        'Idempotency key: the same key with the same arguments is done once and gets the first answer again.',
    }),
  ),
  dryRun: Type.Optional(Type.Boolean({ description: 'True: checks everything and says what would happen.' })),
  approvalId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'Of a retained approval of exactly this call, for a risk above the grant.',
    }),
  ),
};

export interface DeviceToolOptions<Properties extends TProperties> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly risk: RiskClass;
  /** TypeBox properties; a number says its `unit`, `minimum` and `maximum`. */
  readonly args?: Properties;
  readonly interlocks?: readonly Interlock[];
  /** Doing it twice is doing it once, even without a `requestId`. */
  readonly idempotent?: boolean;
  /** What a call would do now; must not change anything. Needed for every tool that is more than `read`. */
  readonly preview?: (args: Static<TObject<Properties>>) => JsonRecord;
  readonly run: (args: Static<TObject<Properties>>) => JsonRecord | Promise<JsonRecord>;
  /** The result also as MCP's structured content. Default true; false for large ones. */
  readonly structured?: boolean;
}

export interface DeviceTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly declaration: DeviceToolDeclaration;
  readonly idempotent: boolean;
  readonly structured: boolean;
  readonly inputSchema: JsonRecord;
  /** What `run` would change: the answer to a dry run. Must do nothing. */
  preview(args: JsonRecord): JsonRecord;
  /** Acts; every check has passed. What it throws is the answer of a call that failed. */
  run(args: JsonRecord): JsonRecord | Promise<JsonRecord>;
}

/**
 * A tool of a device with its risk, ranges, units and interlocks. Throws `invalid-tool` when a number has no range or unit, an argument
 * takes a name of the door's, or a tool that acts has no preview.
 */
export function defineDeviceTool<Properties extends TProperties>(
  options: DeviceToolOptions<Properties>,
): DeviceTool {
  const {
    name,
    title,
    description,
    risk,
    args = {},
    interlocks = [],
    idempotent = risk === 'read',
  } = options;
  const guarded = risk !== 'read';
  const wrong = (problem: string): DeviceToolError =>
    new DeviceToolError('invalid-tool', `${name}: ${problem}`);
  for (const [field, schema] of Object.entries<JsonRecord>(args)) {
    if (GUARD_ARGUMENTS.some((one) => one === field)) throw wrong(`"${field}" is an argument of the door`);
    if (schema['type'] !== 'number' && schema['type'] !== 'integer') continue;
    for (const keyword of ['minimum', 'maximum'])
      if (typeof schema[keyword] !== 'number') throw wrong(`"${field}" needs "${keyword}"`);
    if (typeof schema['unit'] !== 'string') throw wrong(`"${field}" needs "unit", "1" for a count`);
  }
  if (guarded && options.preview === undefined) throw wrong('a tool that acts needs "preview"');
  const schema = Type.Object({ ...args, ...(guarded ? GUARDS : {}) }, { additionalProperties: false });
  return {
    name,
    title,
    description,
    declaration: { risk, interlocks, guarded },
    idempotent,
    structured: options.structured ?? true,
    inputSchema: JSON.parse(JSON.stringify(schema)) as JsonRecord,
    preview: (given) => (options.preview ?? (() => ({})))(given as Static<TObject<Properties>>),
    run: (given) => options.run(given as Static<TObject<Properties>>),
  };
}

/** Reads `_meta['shoal/tool']`; undefined for a tool that declares nothing usable, which counts as `dangerous`. */
export function readDeclaration(meta: unknown): DeviceToolDeclaration | undefined {
  const value = isRecord(meta) ? meta[DEVICE_TOOL_META] : undefined;
  if (!isRecord(value) || !isRiskClass(value['risk'])) return undefined;
  const interlocks = Array.isArray(value['interlocks']) ? (value['interlocks'] as unknown[]) : [];
  const { memory } = value;
  return {
    risk: value['risk'],
    interlocks: interlocks.filter(isInterlock),
    guarded: value['guarded'] === true,
    ...(isRecord(memory) && typeof memory['id'] === 'string' && typeof memory['seconds'] === 'number'
      ? { memory: { id: memory['id'], seconds: memory['seconds'] } }
      : {}),
  };
}

function isInterlock(value: unknown): value is Interlock {
  if (!isRecord(value) || typeof value['name'] !== 'string') return false;
  const when = value['blockedWhen'];
  return when === undefined || (isRecord(when) && typeof when['channel'] === 'string');
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
