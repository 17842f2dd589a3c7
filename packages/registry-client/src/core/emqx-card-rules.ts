import type { Finding } from './finding.ts';

/** What EMQX's Agent Card schema says of one value (identical in 6.2.0 to 6.3.0-beta.2; every object is closed). */
type Rule = 'text' | 'flag' | 'object' | { readonly list: Rule } | { readonly map: Rule } | Shape;

interface Shape {
  readonly required?: readonly string[];
  readonly fields: Readonly<Record<string, Rule>>;
  /** Fields whose snake_case form passes too, though it never stands in for a required one. */
  readonly twins?: readonly string[];
}

const LIST = (list: Rule): Rule => ({ list });
const MAP = (map: Rule): Rule => ({ map });
const TEXTS = LIST('text');

const texts = (...names: readonly string[]): Record<string, Rule> =>
  Object.fromEntries(names.map((name) => [name, 'text']));

function flow(...names: readonly string[]): Shape {
  const fields = { ...texts(...names, 'refreshUrl'), scopes: MAP('text'), pkceRequired: 'flag' as const };
  return { fields, twins: [...names, 'refreshUrl', 'pkceRequired'] };
}

const REQUIREMENT: Shape = { fields: { schemes: MAP({ fields: { list: TEXTS } }) } };

const SCHEME: Shape = {
  fields: {
    apiKeySecurityScheme: { fields: texts('description', 'location', 'name') },
    httpAuthSecurityScheme: {
      fields: texts('description', 'scheme', 'bearerFormat'),
      twins: ['bearerFormat'],
    },
    oauth2SecurityScheme: {
      fields: {
        ...texts('description', 'oauth2MetadataUrl'),
        flows: {
          fields: {
            authorizationCode: flow('authorizationUrl', 'tokenUrl'),
            clientCredentials: flow('tokenUrl'),
            deviceCode: flow('deviceAuthorizationUrl', 'tokenUrl'),
            implicit: flow('authorizationUrl'),
            password: flow('tokenUrl'),
          },
          twins: ['authorizationCode', 'clientCredentials', 'deviceCode'],
        },
      },
      twins: ['oauth2MetadataUrl'],
    },
    openIdConnectSecurityScheme: {
      fields: texts('description', 'openIdConnectUrl'),
      twins: ['openIdConnectUrl'],
    },
    mtlsSecurityScheme: { fields: texts('description') },
  },
};
const SCHEME_TWINS: Shape = { ...SCHEME, twins: Object.keys(SCHEME.fields) };

const SKILL: Shape = {
  required: ['id', 'name', 'description', 'tags'],
  fields: {
    ...texts('id', 'name', 'description'),
    tags: TEXTS,
    examples: TEXTS,
    inputModes: TEXTS,
    outputModes: TEXTS,
    securityRequirements: LIST(REQUIREMENT),
  },
  twins: ['inputModes', 'outputModes', 'securityRequirements'],
};

const CARD: Shape = {
  required: [
    'name',
    'description',
    'version',
    'supportedInterfaces',
    'capabilities',
    'defaultInputModes',
    'defaultOutputModes',
    'skills',
  ],
  fields: {
    ...texts('name', 'description', 'version', 'documentationUrl', 'iconUrl'),
    supportedInterfaces: LIST({
      required: ['url', 'protocolBinding', 'protocolVersion'],
      fields: texts('url', 'protocolBinding', 'protocolVersion', 'tenant'),
      twins: ['protocolBinding', 'protocolVersion'],
    }),
    capabilities: {
      fields: {
        streaming: 'flag',
        pushNotifications: 'flag',
        extendedAgentCard: 'flag',
        extensions: LIST({ fields: { ...texts('uri', 'description'), required: 'flag', params: 'object' } }),
      },
      twins: ['pushNotifications', 'extendedAgentCard'],
    },
    defaultInputModes: TEXTS,
    defaultOutputModes: TEXTS,
    skills: LIST(SKILL),
    provider: { required: ['url', 'organization'], fields: texts('url', 'organization') },
    securitySchemes: MAP(SCHEME_TWINS),
    securityRequirements: LIST(REQUIREMENT),
    signatures: LIST({
      required: ['protected', 'signature'],
      fields: { ...texts('protected', 'signature'), header: 'object' },
    }),
  },
  twins: [
    'supportedInterfaces',
    'defaultInputModes',
    'defaultOutputModes',
    'documentationUrl',
    'securitySchemes',
    'securityRequirements',
    'iconUrl',
  ],
};

/** Fields of A2A 0.3, of OpenAPI and of habit, and where what they say belongs. */
const MOVED: Readonly<Record<string, string>> = {
  url: 'move it to supportedInterfaces[].url',
  protocolVersion: 'move it to supportedInterfaces[].protocolVersion',
  preferredTransport: 'move it to supportedInterfaces[].protocolBinding of the first interface',
  additionalInterfaces: 'append its entries to supportedInterfaces',
  supportsAuthenticatedExtendedCard: 'write capabilities.extendedAgentCard',
  security: 'write securityRequirements: [{ "schemes": { "name": { "list": ["scope"] } } }]',
  stateTransitionHistory: 'remove it: A2A 1.0 has no such capability',
  type: 'name the kind with the key: { "httpAuthSecurityScheme": { "scheme": "bearer" } }',
  in: 'write location',
  inputSchema: 'put it into the params of an extension',
};

const MOST_FINDINGS = 50;

/** What makes EMQX drop this card without a word. At most 50. */
export function findEmqxRefusals(card: unknown): Finding[] {
  const findings: Finding[] = [];
  check(card, CARD, '', findings);
  return findings.slice(0, MOST_FINDINGS);
}

/** Where a field that no card has belongs. */
export function fixForUnknownField(key: string): string {
  const camel = key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  if (camel !== key) return `write ${camel}`;
  return MOVED[key] ?? 'move it to capabilities.extensions[].params, which may hold anything';
}

function check(value: unknown, rule: Rule, path: string, findings: Finding[]): void {
  if (findings.length >= MOST_FINDINGS) return;
  const report = (problem: string): void =>
    void findings.push({ field: path, message: `EMQX drops the card: ${problem}` });
  if (value === null) return report('null is never allowed; leave the field out');
  if (rule === 'text') return typeof value === 'string' ? undefined : report('must be a string');
  if (rule === 'flag')
    return typeof value === 'boolean' ? undefined : report('must be true or false, without quotes');
  if (rule === 'object') return isPlain(value) ? undefined : report('must be an object');
  if ('list' in rule) {
    if (!Array.isArray(value)) return report('must be an array');
    for (const [index, item] of value.entries()) check(item, rule.list, `${path}[${index}]`, findings);
    return undefined;
  }
  if (!isPlain(value)) return report('must be an object');
  if ('map' in rule) {
    for (const [key, item] of Object.entries(value)) check(item, rule.map, join(path, key), findings);
    return undefined;
  }
  return checkShape(value, rule, path, findings);
}

function checkShape(value: Record<string, unknown>, shape: Shape, path: string, findings: Finding[]): void {
  const { required = [], fields, twins = [] } = shape;
  for (const name of required) {
    if (Object.hasOwn(value, name)) continue;
    const twin = toSnake(name);
    const problem = Object.hasOwn(value, twin)
      ? `${twin} does not stand in for the required ${name}; rename it`
      : `${name} is required${name === 'tags' ? ', if only as []' : ''}`;
    findings.push({ field: join(path, name), message: `EMQX drops the card: ${problem}` });
  }
  for (const [key, item] of Object.entries(value)) {
    const known = Object.hasOwn(fields, key) ? key : twins.find((name) => toSnake(name) === key);
    if (known !== undefined) check(item, fields[known]!, join(path, key), findings);
    else
      findings.push({
        field: join(path, key),
        message: `EMQX drops the card: this field is not in its schema; ${fixForUnknownField(key)}`,
      });
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toSnake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function join(path: string, key: string): string {
  const name = key.slice(0, 60);
  return path === '' ? name : `${path}.${name}`;
}
