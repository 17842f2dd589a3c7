import { Type, type TSchema } from 'typebox';

/** The Agent Card as EMQX 6.2 checks it, JSON Schema draft-06: closed objects, required keys in camelCase, snake_case twins tolerated. */

const text = Type.String();
const flag = Type.Boolean();
const texts = Type.Array(text);
const free = Type.Object({}, { additionalProperties: true });

const snake = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `optional` keys may also be written in snake_case, and so may required ones beside their camelCase form. */
function closed(required: Record<string, TSchema>, optional: Record<string, TSchema> = {}): TSchema {
  const properties: Record<string, TSchema> = { ...required };
  for (const [key, schema] of Object.entries({ ...optional, ...required })) {
    properties[key] ??= Type.Optional(schema);
    const twin = snake(key);
    properties[twin] ??= Type.Optional(schema);
  }
  return Type.Object(properties, { additionalProperties: false });
}

const map = (values: TSchema): TSchema => Type.Record(Type.String(), values);

const securityRequirement = closed({}, { schemes: map(closed({}, { list: texts })) });
const requirements = Type.Array(securityRequirement);

const urls = { tokenUrl: text, refreshUrl: text, scopes: map(text) };
const flows = closed(
  {},
  {
    authorizationCode: closed({}, { ...urls, authorizationUrl: text, pkceRequired: flag }),
    clientCredentials: closed({}, urls),
    deviceCode: closed({}, { ...urls, deviceAuthorizationUrl: text }),
    implicit: closed({}, { authorizationUrl: text, refreshUrl: text, scopes: map(text) }),
    password: closed({}, urls),
  },
);

const oauth2 = closed({}, { description: text, flows, oauth2MetadataUrl: text });

const securityScheme = closed(
  {},
  {
    apiKeySecurityScheme: closed({}, { description: text, location: text, name: text }),
    httpAuthSecurityScheme: closed({}, { description: text, scheme: text, bearerFormat: text }),
    oauth2SecurityScheme: oauth2,
    openIdConnectSecurityScheme: closed({}, { description: text, openIdConnectUrl: text }),
    mtlsSecurityScheme: closed({}, { description: text }),
  },
);

const agentInterface = closed({ url: text, protocolBinding: text, protocolVersion: text }, { tenant: text });

const extension = closed({}, { uri: text, description: text, required: flag, params: free });

const capabilities = closed(
  {},
  {
    streaming: flag,
    pushNotifications: flag,
    extendedAgentCard: flag,
    extensions: Type.Array(extension),
  },
);

const skill = closed(
  { id: text, name: text, description: text, tags: texts },
  { examples: texts, inputModes: texts, outputModes: texts, securityRequirements: requirements },
);

const signature = closed({ protected: text, signature: text }, { header: free });

export const emqxCardSchema: TSchema = closed(
  {
    name: text,
    description: text,
    version: text,
    supportedInterfaces: Type.Array(agentInterface),
    capabilities,
    defaultInputModes: texts,
    defaultOutputModes: texts,
    skills: Type.Array(skill),
  },
  {
    provider: closed({ url: text, organization: text }),
    documentationUrl: text,
    securitySchemes: map(securityScheme),
    securityRequirements: requirements,
    signatures: Type.Array(signature),
    iconUrl: text,
  },
);
