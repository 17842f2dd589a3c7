import { CARD_PATH, CARDS_PATH, CONFIG_PATH } from './registry-routes.ts';
import { HEALTH_PATHS, LOGIN_PATH, METRICS_PATH, OPENAPI_PATH, RELOAD_PATH } from './service-routes.ts';

type Json = Readonly<Record<string, unknown>>;

const text: Json = { type: 'string' };
const json = (schema: Json): Json => ({ 'application/json': { schema } });
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const failure = (description: string): Json => ({ description, content: json(ref('Error')) });
const ok = (description: string, schema: Json): Json => ({ description, content: json(schema) });
const query = (name: string, description: string, schema: Json = text): Json => ({
  name,
  in: 'query',
  required: false,
  description,
  schema,
});
const level = (name: string): Json => ({ name, in: 'path', required: true, schema: text });
const namespace = query('ns', 'Namespace; without it what is outside of any, and for the list all.');

const common: Json = {
  400: failure('A parameter, the body or the namespace will not do.'),
  401: failure('No valid credential.'),
  403: failure('The credential does not reach as far.'),
  429: failure('Too many attempts.'),
};
const registry: Json = {
  ...common,
  404: failure('No such card, or the retained store is off.'),
  503: failure('The registry is not enabled.'),
};
const body = (schema: Json): Json => ({ required: true, content: json(schema) });
const tooLarge: Json = { 413: failure('The body is too large.'), 415: failure('The body is not JSON.') };
const open: readonly Json[] = [];
const plain = (description: string): Json => ({ description, content: { 'text/plain': { schema: text } } });

const schemas: Json = {
  Card: {
    type: 'object',
    required: ['id', 'org_id', 'unit_id', 'agent_id', 'status', 'raw'],
    properties: {
      namespace: { type: ['string', 'null'] },
      id: { type: 'string', description: 'Client id that published the card.' },
      org_id: text,
      unit_id: text,
      agent_id: text,
      name: text,
      description: text,
      version: text,
      status: { enum: ['online', 'offline'] },
      raw: { type: 'string', description: 'JSON text of the card.' },
    },
    additionalProperties: false,
  },
  Registration: {
    type: 'object',
    required: ['card'],
    properties: { card: { type: 'string', description: 'JSON text of the Agent Card.' } },
  },
  RegistryConfig: {
    type: 'object',
    properties: { enable: { type: 'boolean' }, validate_schema: { type: 'boolean' } },
    additionalProperties: false,
  },
  Login: {
    type: 'object',
    required: ['username', 'password'],
    properties: {
      username: { type: 'string', description: 'An API key.' },
      password: { type: 'string', description: 'Its secret.' },
    },
  },
  Token: {
    type: 'object',
    required: ['token', 'expires_in'],
    properties: { token: text, expires_in: { type: 'integer', description: 'Seconds.' } },
    additionalProperties: false,
  },
  Health: {
    type: 'object',
    required: ['status'],
    properties: { status: { enum: ['ok', 'starting', 'draining', 'failed'] } },
    additionalProperties: false,
  },
  Reloaded: {
    type: 'object',
    required: ['need_restart'],
    properties: {
      need_restart: {
        type: 'array',
        items: text,
        description: 'Settings that have changed and wait for a new start.',
      },
    },
    additionalProperties: false,
  },
  Error: {
    type: 'object',
    required: ['code', 'message'],
    properties: { code: text, message: text },
    additionalProperties: false,
  },
};

/** `{name}` instead of `:name`. */
const template = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

const cardOperations = (): Json => ({
  parameters: [level('org_id'), level('unit_id'), level('agent_id'), namespace],
  get: { summary: 'One card.', responses: { 200: ok('The card.', ref('Card')), ...registry } },
  post: {
    summary: 'Writes a card, or replaces it.',
    requestBody: body(ref('Registration')),
    responses: { 204: { description: 'Written.' }, ...registry, ...tooLarge },
  },
  delete: {
    summary: 'Deletes a card.',
    responses: { 204: { description: 'There is no such card any more.' }, ...registry },
  },
});

const listOperations = (): Json => ({
  get: {
    summary: 'The registered cards.',
    parameters: [
      query('org_id', 'Exact.'),
      query('unit_id', 'Exact.'),
      query('agent_id', 'Exact.'),
      namespace,
      query('only_global', 'Only cards outside of any namespace.', { type: 'boolean', default: false }),
      query('status', 'Not in the EMQX profile.', { enum: ['online', 'offline'] }),
      query('skill', 'Id of a skill. Not in the EMQX profile.'),
      query('tag', 'Tag of a skill, in any case. Not in the EMQX profile.'),
      query('text', 'Words in name, description and skills, in any case. Not in the EMQX profile.'),
    ],
    responses: { 200: ok('All that fit.', { type: 'array', items: ref('Card') }), ...registry },
  },
});

const reloadOperations = (): Json => ({
  [RELOAD_PATH]: {
    post: {
      summary:
        'Reads the configuration file again: users, rules, API keys, certificates and revocation lists.',
      responses: { 200: ok('In use from now on.', ref('Reloaded')), ...common },
    },
  },
});

const serviceOperations = (): Json => ({
  [LOGIN_PATH]: {
    post: {
      summary: 'A bearer token for an API key and its secret.',
      security: open,
      requestBody: body(ref('Login')),
      responses: { 200: ok('The token.', ref('Token')), ...common, ...tooLarge },
    },
  },
  [OPENAPI_PATH]: {
    get: {
      summary: 'This description.',
      responses: { 200: ok('OpenAPI 3.1.', { type: 'object' }), ...common },
    },
  },
  [METRICS_PATH]: {
    get: { summary: 'Counts, for Prometheus.', responses: { 200: plain('Text format 0.0.4.'), ...common } },
  },
  ...Object.fromEntries(
    HEALTH_PATHS.map(({ path, summary }) => [
      path,
      {
        get: {
          summary,
          security: open,
          responses: { 200: ok('Yes.', ref('Health')), 503: ok('No.', ref('Health')) },
        },
      },
    ]),
  ),
});

/** `reloads`: there are settings that can be read again. */
export const createOpenApi = (version: string, reloads: boolean): Json => ({
  openapi: '3.1.0',
  info: {
    title: 'shoal-broker',
    version,
    description: "The management API of the broker's A2A registry, with the paths and shapes of EMQX 6.2.",
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  security: [{ apiKey: [] }, { token: [] }],
  paths: {
    [CARDS_PATH]: listOperations(),
    [template(CARD_PATH)]: cardOperations(),
    [CONFIG_PATH]: {
      get: { summary: 'Switches.', responses: { 200: ok('As they are.', ref('RegistryConfig')), ...common } },
      put: {
        summary: 'Sets switches at once; what is left out stays.',
        requestBody: body(ref('RegistryConfig')),
        responses: { 200: ok('As they are now.', ref('RegistryConfig')), ...common, ...tooLarge },
      },
    },
    ...(reloads ? reloadOperations() : {}),
    ...serviceOperations(),
  },
  components: {
    securitySchemes: {
      apiKey: { type: 'http', scheme: 'basic' },
      token: { type: 'http', scheme: 'bearer' },
    },
    schemas,
  },
});
