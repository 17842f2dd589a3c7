import type { AgentAddress } from '@shoal/protocol';
import { assertIdentifier } from '@shoal/protocol';
import { RegistryError, type RegistryErrorCode } from '../registry-error.ts';

export interface EmqxApiOptions {
  /** Of the management API, without `/api/v5`: `http://emqx:18083`. */
  readonly url: string;
  /** An API key with the scope `connections`... */
  readonly apiKey?: { readonly key: string; readonly secret: string };
  /** ...or a bearer token of the dashboard. */
  readonly token?: string;
  /** Namespace of all calls. Unset: the global one for a single card, and all for `list`. */
  readonly namespace?: string;
  /** Longest time for an answer. Default 10 000. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

/** A card as EMQX's registry lists it. */
export interface EmqxCard {
  readonly address: AgentAddress;
  /** Undefined: the global one. */
  readonly namespace: string | undefined;
  /** Client id that published it. */
  readonly clientId: string;
  /** As of this answer: whether the client id is connected. */
  readonly status: 'online' | 'offline';
  /** The card, as JSON text. */
  readonly raw: string;
}

export interface EmqxRegistryConfig {
  readonly enable: boolean;
  readonly validateSchema: boolean;
}

/**
 * The A2A part of EMQX's management API (6.2.1 and later). What it changes reaches no live subscriber, and it may change the card of any
 * agent. Rejects with RegistryError; see the codes that begin with `api-`, and `registry-disabled`.
 */
export interface EmqxApi {
  list(query?: Partial<AgentAddress> & { readonly onlyGlobal?: boolean }): Promise<readonly EmqxCard[]>;
  get(address: AgentAddress): Promise<EmqxCard>;
  /** Makes or replaces the card. */
  register(address: AgentAddress, card: object | string): Promise<void>;
  /** Fine when there is none. */
  unregister(address: AgentAddress): Promise<void>;
  config(): Promise<EmqxRegistryConfig>;
  /** Takes effect at once. */
  configure(config: EmqxRegistryConfig): Promise<EmqxRegistryConfig>;
}

/** Each method is one HTTP request and nothing before: a wrong address or key shows with the first of them. */
export function createEmqxApi(options: EmqxApiOptions): EmqxApi {
  const call = caller(options);
  const { namespace } = options;
  const cardPath = (address: AgentAddress): string => {
    // EMQX does not check the ids of a path, and takes + and # in them for wildcards: DELETE would remove every match.
    assertIdentifier('org', address.org);
    assertIdentifier('unit', address.unit);
    assertIdentifier('agentId', address.agentId);
    const query = search({ ns: namespace });
    return `/a2a/cards/card/${address.org}/${address.unit}/${address.agentId}${query}`;
  };
  return {
    async list({ org, unit, agentId, onlyGlobal } = {}) {
      const only = onlyGlobal === true ? 'true' : undefined;
      const query = search({
        org_id: org,
        unit_id: unit,
        agent_id: agentId,
        ns: namespace,
        only_global: only,
      });
      const cards = await call('GET', `/a2a/cards/list${query}`);
      if (!Array.isArray(cards)) throw unexpected('a list of cards', cards);
      return cards.map(toCard);
    },
    get: async (address) => toCard(await call('GET', cardPath(address))),
    async register(address, card) {
      // A string, although the API's own description shows an object.
      const text = typeof card === 'string' ? card : JSON.stringify(card);
      await call('POST', cardPath(address), { card: text });
    },
    async unregister(address) {
      await call('DELETE', cardPath(address));
    },
    config: async () => toConfig(await call('GET', '/configs/a2a_registry')),
    async configure({ enable, validateSchema }) {
      return toConfig(
        await call('PUT', '/configs/a2a_registry', { enable, validate_schema: validateSchema }),
      );
    },
  };
}

type Call = (method: string, path: string, body?: object) => Promise<unknown>;

function caller(options: EmqxApiOptions): Call {
  const { url, apiKey, token, timeoutMs = 10_000, fetch: send = fetch } = options;
  const base = `${url.replace(/\/+$/, '')}/api/v5`;
  const authorization =
    apiKey === undefined ? token && `Bearer ${token}` : `Basic ${btoa(`${apiKey.key}:${apiKey.secret}`)}`;
  return async (method, path, body) => {
    const answer = await send(`${base}${path}`, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new RegistryError('api-failed', `${method} ${base}${path} failed: ${textOf(cause)}`, { cause });
    });
    const text = await answer.text();
    if (!answer.ok) throw refusal(`${method} ${path}`, answer.status, text);
    return text === '' ? undefined : parse(text);
  };
}

const CODES: Readonly<Record<number, RegistryErrorCode>> = {
  400: 'api-refused',
  401: 'api-unauthorized',
  403: 'api-unauthorized',
  404: 'api-not-found',
  503: 'registry-disabled',
};

const HINTS: Partial<Record<RegistryErrorCode, string>> = {
  'registry-disabled': '; set a2a_registry.enable = true',
  'api-unauthorized': '; the API key needs the scope "connections" and the right namespace',
};

function refusal(what: string, status: number, text: string): RegistryError {
  const code = CODES[status] ?? 'api-failed';
  const body = tryParse(text);
  const message =
    isObject(body) && typeof body['message'] === 'string' ? body['message'] : text.slice(0, 200);
  return new RegistryError(code, `${what}: EMQX answered ${status} ${message}${HINTS[code] ?? ''}`, {
    status,
  });
}

function toCard(value: unknown): EmqxCard {
  if (!isObject(value)) throw unexpected('a card', value);
  const { namespace, id, org_id: org, unit_id: unit, agent_id: agentId, status, raw } = value;
  if (
    typeof org !== 'string' ||
    typeof unit !== 'string' ||
    typeof agentId !== 'string' ||
    typeof raw !== 'string'
  )
    throw unexpected('org_id, unit_id, agent_id and raw as strings', value);
  return {
    address: { org, unit, agentId },
    // 6.2.1, 6.2.2 and the beta of 6.3 write "global", later versions null.
    namespace: typeof namespace === 'string' && namespace !== 'global' ? namespace : undefined,
    clientId: typeof id === 'string' ? id : `${org}/${unit}/${agentId}`,
    status: status === 'online' ? 'online' : 'offline',
    raw,
  };
}

function toConfig(value: unknown): EmqxRegistryConfig {
  if (!isObject(value)) throw unexpected('a configuration', value);
  return { enable: value['enable'] === true, validateSchema: value['validate_schema'] !== false };
}

function search(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined) as [string, string][];
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

function parse(text: string): unknown {
  const value = tryParse(text);
  if (value === undefined) throw unexpected('JSON', text);
  return value;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function unexpected(wanted: string, value: unknown): RegistryError {
  const shown = (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')).slice(0, 100);
  return new RegistryError('api-failed', `EMQX answered something else than ${wanted}: ${shown}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}
