import type { CardQuery, RegisteredCard } from '../../core/registry/directory.ts';
import type { RegistryProfile } from '../../core/registry/profile.ts';
import type { Rejection } from '../../core/registry/registry.ts';
import type { CardAddress, RegistryAdmin } from '../registry-admin.ts';
import { badRequest, HttpError, readJsonObject, type Answer } from './answers.ts';
import type { Actor } from './credentials.ts';
import type { Route, RouteCall } from './router.ts';

export interface RegistryRoutesOptions {
  readonly admin: RegistryAdmin;
  readonly profile: RegistryProfile;
  readonly hasNamespace: (name: string) => boolean;
  /** False while nothing is retained. */
  readonly isRetaining: () => boolean;
}

export const CARDS_PATH = '/api/v5/a2a/cards/list';
export const CARD_PATH = '/api/v5/a2a/cards/card/:org_id/:unit_id/:agent_id';
export const CONFIG_PATH = '/api/v5/configs/a2a_registry';

/** What EMQX calls a card. */
export interface CardObject {
  readonly namespace?: string | null;
  readonly id: string;
  readonly org_id: string;
  readonly unit_id: string;
  readonly agent_id: string;
  readonly name?: unknown;
  readonly description?: unknown;
  readonly version?: unknown;
  readonly status: 'online' | 'offline';
  readonly raw: string;
}

function cardObject(found: RegisteredCard, profile: RegistryProfile): CardObject {
  const { card, namespace } = found;
  // EMQX cannot list what is no JSON object.
  if (card === undefined && profile.silent)
    throw new HttpError(500, 'INTERNAL_ERROR', 'a stored card is no object');
  const shown = (key: string): Record<string, unknown> =>
    card?.[key] === undefined ? {} : { [key]: card[key] };
  const { globalNamespace } = profile;
  return {
    ...(globalNamespace === undefined ? {} : { namespace: namespace ?? globalNamespace }),
    id: found.id,
    org_id: found.org,
    unit_id: found.unit,
    agent_id: found.agentId,
    ...shown('name'),
    ...shown('description'),
    ...shown('version'),
    status: found.status,
    raw: found.raw,
  };
}

const ID_NAMES: Readonly<Record<string, string>> = { org: 'org_id', unit: 'unit_id', agentId: 'agent_id' };

/** EMQX's words; what rule of which field was broken only where EMQX need not be matched. */
function describe(rejection: Rejection, address: CardAddress, checksSchema: boolean, exact: boolean): string {
  if (rejection.rule === 'R2') {
    const field = /^R2 (\w+):/.exec(rejection.reason)?.[1] ?? 'org';
    return `Bad ${ID_NAMES[field]} id: ${address[field as 'org' | 'unit' | 'agentId']}`;
  }
  const what = checksSchema ? 'Card does not conform to schema' : 'Card must be a JSON object';
  if (rejection.rule === 'R5') return exact ? what : `${what}: ${rejection.reason.slice(3)}`;
  return rejection.reason;
}

/** The management API of EMQX's registry. Which check comes first is part of it. */
class RegistryRoutes {
  private readonly options: RegistryRoutesOptions;

  constructor(options: RegistryRoutesOptions) {
    this.options = options;
  }

  private assertEnabled(): void {
    if (!this.options.admin.switches.enabled) throw new HttpError(503, 'SERVICE_UNAVAILABLE', 'Not enabled');
  }

  private assertRetaining(): void {
    if (this.options.isRetaining()) return;
    if (this.options.profile.retainerOffStatus === 500)
      throw new HttpError(500, 'INTERNAL_ERROR', 'the retainer is not running');
    throw new HttpError(404, 'NOT_FOUND', 'The retainer is disabled: cards are neither stored nor found');
  }

  /** The namespace that is meant: undefined when the actor sees all and asks for none. */
  private namespaceOf(actor: Actor | undefined, query: URLSearchParams): string | undefined {
    const { profile, hasNamespace } = this.options;
    const asked = profile.knowsNamespaces ? (query.get('ns') ?? undefined) : undefined;
    if (actor?.namespace !== undefined && asked !== undefined && asked !== actor.namespace)
      throw new HttpError(403, 'FORBIDDEN', `Operation not allowed in namespace ${asked}`);
    const namespace = asked ?? actor?.namespace;
    if (namespace !== undefined && !hasNamespace(namespace)) throw badRequest('Managed namespace not found');
    return namespace;
  }

  private begin({ actor, query, params }: RouteCall): CardAddress {
    this.assertEnabled();
    const namespace = this.namespaceOf(actor, query);
    this.assertRetaining();
    const { org_id: org = '', unit_id: unit = '', agent_id: agentId = '' } = params;
    return { org, unit, agentId, ...(namespace === undefined ? {} : { namespace }) };
  }

  private contentQuery(query: URLSearchParams): CardQuery {
    if (!this.options.profile.searches) return {};
    const status = query.get('status') ?? undefined;
    if (status !== undefined && status !== 'online' && status !== 'offline')
      throw badRequest('status: must be online or offline');
    const text = (name: 'skill' | 'tag' | 'text'): CardQuery => {
      const value = query.get(name);
      return value === null || value === '' ? {} : { [name]: value };
    };
    return { ...(status === undefined ? {} : { status }), ...text('skill'), ...text('tag'), ...text('text') };
  }

  list(call: RouteCall): Answer {
    const { namespace } = this.begin(call);
    const { query } = call;
    const { admin, profile } = this.options;
    const onlyGlobal = query.get('only_global');
    if (onlyGlobal !== null && onlyGlobal !== 'true' && onlyGlobal !== 'false')
      throw badRequest('only_global: must be true or false');
    const filter = (name: string, key: 'org' | 'unit' | 'agentId'): CardQuery => {
      const value = query.get(name);
      return value === null ? {} : { [key]: value };
    };
    const isGlobal = namespace === undefined && onlyGlobal === 'true' && profile.knowsNamespaces;
    const cards = admin.find({
      ...filter('org_id', 'org'),
      ...filter('unit_id', 'unit'),
      ...filter('agent_id', 'agentId'),
      ...(namespace === undefined ? {} : { namespace }),
      ...(isGlobal ? { namespace: null } : {}),
      ...this.contentQuery(query),
    });
    return { status: 200, json: cards.map((card) => cardObject(card, profile)) };
  }

  get(call: RouteCall): Answer {
    const { namespace = null, ...address } = this.begin(call);
    const [found] = this.options.admin.find({ ...address, namespace });
    if (found === undefined) throw new HttpError(404, 'NOT_FOUND', 'Card not found');
    return { status: 200, json: cardObject(found, this.options.profile) };
  }

  async register(call: RouteCall): Promise<Answer> {
    const address = this.begin(call);
    const { admin, profile } = this.options;
    const { card } = await readJsonObject(call.request);
    if (typeof card !== 'string')
      throw badRequest('card: must be a string that holds the JSON text of the card');
    const rejection = await admin.register(address, card);
    if (rejection === undefined) return { status: 204 };
    throw badRequest(describe(rejection, address, admin.switches.validateSchema, profile.silent));
  }

  async remove(call: RouteCall): Promise<Answer> {
    const address = this.begin(call);
    const { namespace = null, ...ids } = address;
    // Ids with wildcards find nothing, so they delete nothing; EMQX would delete all that match.
    if (this.options.admin.find({ ...ids, namespace }).length > 0) await this.options.admin.remove(address);
    return { status: 204 };
  }

  config(): Answer {
    const { enabled, validateSchema } = this.options.admin.switches;
    return { status: 200, json: { enable: enabled, validate_schema: validateSchema } };
  }

  async configure({ request, actor }: RouteCall): Promise<Answer> {
    if (actor?.namespace !== undefined)
      throw new HttpError(403, 'FORBIDDEN', 'the registry is not configured from within a namespace');
    const { enable, validate_schema: validateSchema, ...unknown } = await readJsonObject(request);
    const [stray] = Object.keys(unknown);
    if (stray !== undefined) throw badRequest(`${stray}: is not known; known are enable and validate_schema`);
    for (const [name, value] of Object.entries({ enable, validate_schema: validateSchema })) {
      if (value !== undefined && typeof value !== 'boolean')
        throw badRequest(`${name}: must be true or false`);
    }
    this.options.admin.configure({
      ...(enable === undefined ? {} : { enabled: enable as boolean }),
      ...(validateSchema === undefined ? {} : { validateSchema: validateSchema as boolean }),
    });
    return this.config();
  }
}

export function registryRoutes(options: RegistryRoutesOptions): readonly Route[] {
  const routes = new RegistryRoutes(options);
  return [
    { method: 'GET', path: CARDS_PATH, handle: (call) => routes.list(call) },
    { method: 'GET', path: CARD_PATH, handle: (call) => routes.get(call) },
    { method: 'POST', path: CARD_PATH, handle: (call) => routes.register(call) },
    { method: 'DELETE', path: CARD_PATH, handle: (call) => routes.remove(call) },
    { method: 'GET', path: CONFIG_PATH, handle: () => routes.config() },
    { method: 'PUT', path: CONFIG_PATH, handle: (call) => routes.configure(call) },
  ];
}
