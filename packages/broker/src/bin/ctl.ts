import { readFile } from 'node:fs/promises';

/** What a run of the command leaves: text for standard output, and the exit code. */
export interface CtlResult {
  readonly output: string;
  readonly exitCode: number;
}

export interface CtlOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly fetch: typeof fetch;
}

const DEFAULT_URL = 'http://127.0.0.1:18083';
const IDENTIFIER = /^[A-Za-z0-9._-]+$/;

const REGISTRY_USAGE = `a2a_registry list [--org-id ORG] [--unit-id UNIT] [--agent-id AGENT] [--status online|offline]
                                          # List registered cards
a2a_registry get ORG UNIT AGENT           # Show one card
a2a_registry delete ORG UNIT AGENT        # Delete a card
a2a_registry register ORG UNIT AGENT FILE # Write the card in a file
a2a_registry stats                        # Count cards`;

export const CTL_USAGE = `shoal-broker ctl [--api-url URL] a2a_registry COMMAND
  URL of the broker's HTTP listener (SHOAL_BROKER_API_URL), default ${DEFAULT_URL}
  SHOAL_BROKER_API_KEY, SHOAL_BROKER_API_SECRET: an API key of that broker and its secret
${REGISTRY_USAGE}`;

/** Ends a command with EMQX's one line of JSON. */
class CtlError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

interface Card {
  readonly status: string;
}

type Ids = readonly [org: string, unit: string, agent: string];

class RegistryCommands {
  private readonly url: string;
  private readonly options: CtlOptions;

  constructor(url: string, options: CtlOptions) {
    this.url = url;
    this.options = options;
  }

  private async call(method: string, path: string, query: Record<string, string>, body?: unknown) {
    const { env } = this.options;
    const credential = `${env['SHOAL_BROKER_API_KEY'] ?? ''}:${env['SHOAL_BROKER_API_SECRET'] ?? ''}`;
    const headers = {
      authorization: `Basic ${Buffer.from(credential).toString('base64')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const url = `${this.url}/api/v5/a2a/cards/${path}?${new URLSearchParams(query).toString()}`;
    let response: Response;
    try {
      response = await this.options.fetch(url, init);
    } catch {
      throw new CtlError(
        `cannot reach ${this.url}: start the broker with an HTTP listener, or set --api-url`,
      );
    }
    return { status: response.status, value: response.status === 204 ? undefined : await tryJson(response) };
  }

  private async ask(method: string, path: string, query: Record<string, string>, body?: unknown) {
    const { status, value } = await this.call(method, path, query, body);
    if (status < 300) return value;
    const message = (value as { message?: string } | undefined)?.message ?? `HTTP ${status}`;
    if (status === 503) throw new CtlError('A2A Registry is not enabled', 0);
    if (status === 404 && message === 'Card not found') return null;
    if (message === 'Managed namespace not found')
      throw new CtlError(`Namespace not found: ${query['ns'] ?? ''}`);
    throw new CtlError(message);
  }

  private async cards(
    namespace: string | undefined,
    filters: Record<string, string>,
  ): Promise<readonly Card[]> {
    const scope: Record<string, string> =
      namespace === undefined ? { only_global: 'true' } : { ns: namespace };
    return (await this.ask('GET', 'list', { ...scope, ...filters })) as readonly Card[];
  }

  async list(args: readonly string[]): Promise<string> {
    const { status, namespace, ...ids } = parseFilters(args);
    const filters = Object.fromEntries(
      Object.entries(ids).map(([key, value]) => [key.replace('-', '_'), value]),
    );
    const cards = await this.cards(namespace, filters);
    return pretty(status === undefined ? cards : cards.filter((card) => card.status === status));
  }

  async stats(args: readonly string[]): Promise<string> {
    const { namespace, rest } = takeNamespace(args);
    if (rest.length > 0) throw new CtlError(`unknown arguments: ${rest.join(' ')}`);
    return pretty({ total: (await this.cards(namespace, {})).length });
  }

  async one(command: 'get' | 'delete', args: readonly string[]): Promise<string> {
    const { namespace, rest } = takeNamespace(args);
    const query: Record<string, string> = namespace === undefined ? {} : { ns: namespace };
    const path = cardPath(idsOf(command, rest));
    const value = await this.ask(command === 'get' ? 'GET' : 'DELETE', path, query);
    return command === 'get' ? pretty(value) : '';
  }

  async register(args: readonly string[]): Promise<string> {
    const { namespace, rest } = takeNamespace(args);
    const path = cardPath(idsOf('register', rest.slice(0, 3)));
    const card = await readCardFile(rest[3] as string);
    await this.ask('POST', path, namespace === undefined ? {} : { ns: namespace }, { card });
    return '';
  }
}

const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

async function tryJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

const cardPath = (ids: Ids): string => `card/${ids.map(encodeURIComponent).join('/')}`;

async function readCardFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const known: Readonly<Record<string, string>> = {
      ENOENT: 'no such file or directory',
      EACCES: 'permission denied',
      EISDIR: 'illegal operation on a directory',
    };
    throw new CtlError(`Invalid register args: ${known[code ?? ''] ?? code ?? String(error)}`);
  }
}

function assertId(command: string, field: string, value: string): void {
  if (!IDENTIFIER.test(value)) throw new CtlError(`Invalid ${command} args: invalid ${field} id: ${value}`);
}

function idsOf(command: string, args: readonly string[]): Ids {
  const [org = '', unit = '', agent = ''] = args;
  for (const [field, value] of Object.entries({ org, unit, agent })) assertId(command, field, value);
  return [org, unit, agent];
}

/** EMQX takes it only in front. */
function takeNamespace(args: readonly string[]): { namespace: string | undefined; rest: readonly string[] } {
  if (args[0] !== '--namespace' || args[1] === undefined) return { namespace: undefined, rest: args };
  return { namespace: args[1], rest: args.slice(2) };
}

const FILTERS = ['--org-id', '--unit-id', '--agent-id', '--status', '--namespace'];

function parseFilters(
  args: readonly string[],
): Record<string, string> & { status?: string; namespace?: string } {
  const filters: Record<string, string> = {};
  for (let at = 0; at < args.length; at += 2) {
    const [name = '', value] = args.slice(at, at + 2);
    if (!FILTERS.includes(name) || value === undefined)
      throw new CtlError(`Invalid list args: unknown arguments: ${args.slice(at).join(' ')}`);
    if (name.endsWith('-id')) assertId('list', name.slice(2, -3), value);
    if (name === '--status' && value !== 'online' && value !== 'offline')
      throw new CtlError(`Invalid list args: invalid status: ${value}`);
    filters[name.slice(2)] = value;
  }
  return filters;
}

const bare = (args: readonly string[]): number => takeNamespace(args).rest.length;

function run(commands: RegistryCommands, args: readonly string[]): Promise<string> | undefined {
  const [command, ...rest] = args;
  if (command === 'list') return commands.list(rest);
  if (command === 'stats') return commands.stats(rest);
  if ((command === 'get' || command === 'delete') && bare(rest) === 3) return commands.one(command, rest);
  if (command === 'register' && bare(rest) === 4) return commands.register(rest);
  return undefined;
}

/** `ctl …`: EMQX's commands for the registry, over the management API. */
export async function runCtl(args: readonly string[], options: CtlOptions): Promise<CtlResult> {
  const { env } = options;
  const named = args[0] === '--api-url' && args[1] !== undefined;
  const url = (named ? args[1] : env['SHOAL_BROKER_API_URL']) ?? DEFAULT_URL;
  const [topic, ...rest] = named ? args.slice(2) : args;
  if (topic !== 'a2a_registry') return { output: `${CTL_USAGE}\n`, exitCode: topic === undefined ? 0 : 1 };
  const commands = new RegistryCommands(url.replace(/\/$/, ''), options);
  try {
    const output = await run(commands, rest);
    return { output: output ?? `${REGISTRY_USAGE}\n`, exitCode: 0 };
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    const line = JSON.stringify({ message: error.message, error: true });
    return { output: `${line}\n`, exitCode: error.exitCode };
  }
}
