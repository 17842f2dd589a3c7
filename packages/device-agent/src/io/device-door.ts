import type { Tool } from '@modelcontextprotocol/client';
import type { Clock } from '@shoal/agent-sdk';
import {
  GUARD_ARGUMENTS,
  higherRisk,
  readDeclaration,
  REFUSAL_CODES,
  SETTLE_TOOL,
  type Refusal,
  type RiskClass,
  type SettleAnswer,
} from '@shoal/device-tools';
import { callJsonTool, connectMcp, isMcpMqttError, type McpConnection } from '@shoal/mcp-mqtt';
import type { Logger } from '@shoal/mqtt-link';
import type { ToolTraits } from '../core/agent/check-order.ts';
import type { DeviceSpeed } from '../core/agent/device-context.ts';
import { DeviceAgentError } from '../errors.ts';
import { Turns } from './turns.ts';

export interface DeviceDoorOptions {
  readonly url: string;
  /** What the client ids of its connections begin with. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** `shoal/{org}/{unit}/{deviceId}`. */
  readonly serverName: string;
  readonly discoveryTimeoutMs: number;
  /** The session is closed after this long without a call: most devices are operated rarely. */
  readonly idleMs: number;
  /** The least risk that a tool counts for, by name. */
  readonly risks?: Readonly<Record<string, RiskClass>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A tool as it may be offered to a model. */
export interface OfferedDeviceTool {
  readonly name: string;
  /** The device's own word. */
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** As the agent counts it. */
  readonly risk: RiskClass;
}

/**
 * Every agent reads its device's speed when it starts. A session takes more memory than the agent itself, and a host may start ten
 * thousand at once: of one process some are at it, and hang up when they know.
 */
const learners = new Turns(64);

interface OpenDoor {
  readonly connection: McpConnection;
  readonly offers: readonly OfferedDeviceTool[];
  readonly tools: ReadonlyMap<string, ToolTraits>;
}

/** The MCP session with the device: opened when first needed, opened again after it ended. */
export class DeviceDoor {
  readonly #options: DeviceDoorOptions;
  #open: Promise<OpenDoor> | undefined;
  readonly #closing = new AbortController();
  #calls = 0;
  #cancelIdle: (() => void) | undefined;

  constructor(options: DeviceDoorOptions) {
    this.#options = options;
  }

  /** Throws `device-unreachable`, or `device-tool-failed` for a tool that the device does not have. Nothing was done then. */
  async traitsOf(tool: string): Promise<ToolTraits> {
    const { tools } = await this.#use(async (open) => open);
    const traits = tools.get(tool);
    if (traits !== undefined) return traits;
    throw new DeviceAgentError(
      'device-tool-failed',
      `the device has no tool ${tool}; it has ${[...tools.keys()].join(', ')}`,
    );
  }

  /** All but the one that settles requests. Throws `device-unreachable`. */
  async offers(): Promise<readonly OfferedDeviceTool[]> {
    return this.#use(async (open) => open.offers);
  }

  /** Throws `device-unreachable` when nothing was sent; otherwise what the MCP client throws. */
  async call(
    tool: string,
    args: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    return this.#use(({ connection }) =>
      callJsonTool(connection.client, tool, args, signal === undefined ? {} : { signal }),
    );
  }

  /** What became of a request; undefined when the device cannot be asked, or does not tell. */
  async settle(requestId: string): Promise<SettleAnswer | undefined> {
    try {
      const told = await this.#use(({ connection, tools }) =>
        tools.has(SETTLE_TOOL)
          ? callJsonTool(connection.client, SETTLE_TOOL, { requestId })
          : Promise.resolve(undefined),
      );
      const usable = typeof told?.['state'] === 'string' && typeof told['memoryId'] === 'string';
      return usable ? (told as unknown as SettleAnswer) : undefined;
    } catch (error) {
      this.#options.logger.warn('the device does not say what became of an order', { error: String(error) });
      return undefined;
    }
  }

  /** In turn with the other agents of this process; hangs up afterwards. Undefined when the device has no such tool, or does not tell. */
  async learnSpeed(): Promise<DeviceSpeed | undefined> {
    const { speed } = await learners.take(async () => {
      try {
        return await this.call('describe', {});
      } finally {
        if (this.#calls === 0) await this.#hangUp();
      }
    }, this.#closing.signal);
    if (typeof speed !== 'object' || speed === null) return undefined;
    const { setpoint, running, nominal, max } = speed as Record<string, unknown>;
    if (typeof setpoint !== 'number') return undefined;
    return {
      setpointRpm: setpoint,
      running: running !== false,
      nominalRpm: typeof nominal === 'number' ? nominal : null,
      maxRpm: typeof max === 'number' ? max : null,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#hangUp();
  }

  async #use<T>(work: (open: OpenDoor) => Promise<T>): Promise<T> {
    this.#cancelIdle?.();
    this.#calls++;
    try {
      return await work(await this.#session());
    } finally {
      this.#calls--;
      this.#cancelIdle?.();
      const { clock, idleMs } = this.#options;
      if (this.#calls === 0 && this.#open !== undefined) {
        this.#cancelIdle = clock.setTimer(() => void this.#hangUp(), idleMs);
      }
    }
  }

  async #hangUp(): Promise<void> {
    this.#cancelIdle?.();
    const open = this.#open;
    this.#open = undefined;
    await open?.then(({ connection }) => connection.close()).catch(() => {});
  }

  #session(): Promise<OpenDoor> {
    if (this.#closing.signal.aborted) {
      return Promise.reject(new DeviceAgentError('device-unreachable', 'the agent is stopping'));
    }
    this.#open ??= this.#connect().catch((cause: unknown) => {
      this.#open = undefined;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DeviceAgentError('device-unreachable', `${this.#options.serverName}: ${why}`, { cause });
    });
    return this.#open;
  }

  async #connect(): Promise<OpenDoor> {
    const { url, clientId, username, password, serverName, discoveryTimeoutMs, logger } = this.#options;
    const connection = await connectMcp({
      url,
      clientId,
      serverName,
      discoveryTimeoutMs,
      logger,
      signal: this.#closing.signal,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    const { tools } = await connection.client.listTools();
    const { risks = {} } = this.#options;
    const traits = new Map(tools.map((tool) => [tool.name, toolTraits(tool, risks[tool.name])]));
    const opened = {
      connection,
      tools: traits,
      offers: tools
        .filter(({ name }) => name !== SETTLE_TOOL)
        .map(({ name, description = '', inputSchema }) => ({
          name,
          description,
          inputSchema: withoutGuardArguments(inputSchema),
          risk: traits.get(name)!.risk,
        })),
    };
    void this.#forgetWhenClosed(connection);
    return opened;
  }

  async #forgetWhenClosed(connection: McpConnection): Promise<void> {
    const reason = await connection.closed;
    this.#options.logger.debug('the session with the device ended', { reason: reason.code });
    this.#open = undefined;
  }
}

/** What belongs to the order and not to the tool is not for a model to give. */
function withoutGuardArguments(schema: Tool['inputSchema']): Readonly<Record<string, unknown>> {
  const properties = Object.entries(schema.properties ?? {}).filter(
    ([name]) => !(GUARD_ARGUMENTS as readonly string[]).includes(name),
  );
  return { ...schema, properties: Object.fromEntries(properties) };
}

/** Unset counts as the careful answer; `floor` may raise the risk that a tool declares, never lower it. */
function toolTraits({ annotations, inputSchema, _meta }: Tool, floor: RiskClass = 'read'): ToolTraits {
  const declaration = readDeclaration(_meta);
  const hinted = annotations?.readOnlyHint === true && annotations.destructiveHint !== true;
  const declared = declaration?.risk ?? (hinted ? 'read' : 'dangerous');
  const contradicts =
    declared === 'read' && annotations?.destructiveHint === true && declaration !== undefined;
  return {
    risk: higherRisk(contradicts ? 'dangerous' : declared, floor),
    idempotent: annotations?.idempotentHint === true,
    acceptsRequestId: inputSchema.properties?.['requestId'] !== undefined,
    guarded: declaration?.guarded === true,
    interlocks: declaration?.interlocks ?? [],
    inputSchema,
    ...(declaration?.memory === undefined ? {} : { memoryId: declaration.memory.id }),
  };
}

/** The refusal that the device answered with. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!isMcpMqttError(error, 'tool-failed')) return undefined;
  const refusal = error.details?.['refusal'] as Refusal | undefined;
  return typeof refusal?.code === 'string' && refusal.code in REFUSAL_CODES ? refusal : undefined;
}

/** True when the device cannot have acted: it answered with an error, or was never reached. */
export function didNothing(error: unknown): boolean {
  if (error instanceof DeviceAgentError) return true;
  return (
    isMcpMqttError(error, 'tool-failed') ||
    isMcpMqttError(error, 'message-too-large') ||
    isProtocolError(error)
  );
}

/** The server itself refused: wrong arguments, unknown tool. */
function isProtocolError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ProtocolError';
}
