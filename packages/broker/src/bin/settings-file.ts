import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { Type, type Static, type TSchema } from 'typebox';
import { Errors } from 'typebox/value';

import { EMQX_VERSIONS } from '../core/registry/profile.ts';
import { BrokerError } from '../io/broker-error.ts';
import { defaultLimits } from '../io/limits.ts';
import type { ServerCertificate, TlsOptions } from '../io/tls.ts';

const closed = <P extends Record<string, TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const text = Type.String();
const texts = Type.Array(text);
const flag = Type.Boolean();
const port = Type.Integer({ minimum: 0, maximum: 65_535 });
const words = <W extends string>(...all: readonly W[]) => Type.Union(all.map((word) => Type.Literal(word)));
const oneOrMore = Type.Union([text, Type.Array(text, { minItems: 1 })]);

/** PEM in files, whose paths are relative to the configuration file. */
const certificate = { keyFile: text, certFile: text };
const tls = closed({
  ...certificate,
  clientCaFile: optional(text),
  clientCrlFile: optional(text),
  requireClientCertificate: optional(flag),
  serverNames: optional(Type.Record(text, closed(certificate))),
});
const address = { host: optional(text), port: optional(port), tls: optional(tls) };
const listener = closed({ ...address, proxyProtocol: optional(flag) });
const off = Type.Literal(false);

const keySource = Type.Union([
  closed({ keys: Type.Array(Type.Record(text, Type.Unknown())) }),
  closed({ file: text }),
  closed({ url: text }),
]);
const jwt = {
  jwks: keySource,
  issuer: oneOrMore,
  audience: oneOrMore,
  clockToleranceSeconds: optional(Type.Number({ minimum: 0 })),
  algorithms: optional(texts),
  namespaceClaim: optional(text),
};
const apiKey = closed({
  key: text,
  secretHash: text,
  role: optional(words('administrator', 'viewer')),
  namespace: optional(text),
});
const user = closed({
  username: text,
  passwordHash: text,
  clientIds: optional(texts),
  namespace: optional(text),
});
const rule = closed({
  effect: words('allow', 'deny'),
  action: optional(words('publish', 'subscribe')),
  topics: texts,
  users: optional(texts),
  retain: optional(flag),
  qos: optional(Type.Array(Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)]))),
});
const limits = closed(
  Object.fromEntries(
    Object.keys(defaultLimits).map((name) => [name, optional(Type.Integer({ minimum: 0 }))] as const),
  ),
);

export const settingsSchema = closed({
  listen: optional(
    closed({
      tcp: optional(Type.Union([off, listener])),
      ws: optional(Type.Union([off, listener])),
      http: optional(
        Type.Union([
          off,
          closed({
            ...address,
            apiKeys: optional(Type.Array(apiKey)),
            publicMetrics: optional(flag),
            jwt: optional(closed({ ...jwt, roleClaim: optional(text) })),
          }),
        ]),
      ),
    }),
  ),
  store: optional(Type.Union([Type.Literal('memory'), closed({ directory: text, sync: optional(flag) })])),
  registry: optional(
    closed({
      enabled: optional(flag),
      validateSchema: optional(flag),
      profile: optional(words('shoal', 'emqx')),
      emqxVersion: optional(words(...EMQX_VERSIONS)),
      pushPresence: optional(flag),
      namespaces: optional(texts),
      trust: optional(
        closed({
          trustedJkus: optional(texts),
          keys: optional(keySource),
          requireSignature: optional(flag),
        }),
      ),
    }),
  ),
  limits: optional(limits),
  allowAnonymous: optional(flag),
  users: optional(Type.Array(user)),
  jwt: optional(
    closed({ ...jwt, clientIdClaim: optional(Type.Union([text, off])), usernameClaim: optional(text) }),
  ),
  certificates: optional(
    closed({
      clientIdFrom: optional(words('cn', 'san-dns', 'san-uri')),
      prefix: optional(text),
      namespace: optional(text),
    }),
  ),
  a2aPolicy: optional(words('own', 'unit', 'org')),
  rules: optional(Type.Array(rule)),
  log: optional(words('debug', 'info', 'warn', 'error')),
  drainTimeoutMs: optional(Type.Integer({ minimum: 0 })),
});

/** The configuration file, JSON. Flags and environment win over it. */
export type SettingsFile = Static<typeof settingsSchema>;

export const invalid = (message: string): BrokerError => new BrokerError('invalid-options', message);

/** The complaint that says most: of the branches of a union the one that got furthest. */
function explain(value: unknown): string | undefined {
  const found = Errors(settingsSchema, value).map(({ instancePath, keyword, message }) => {
    const levels = instancePath.split('/').slice(1);
    const field = levels.length === 0 ? 'the file' : levels.join('.');
    // A closed object has the schema `false` for what it does not know.
    return {
      depth: levels.length,
      text: `${field}: ${keyword === 'boolean' ? 'is not a known field' : message}`,
    };
  });
  return found.toSorted((a, b) => b.depth - a.depth)[0]?.text;
}

/** Rejects with BrokerError `invalid-options` that names the field. */
export async function readSettingsFile(path: string | undefined): Promise<SettingsFile> {
  if (path === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw invalid(`--config ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const complaint = explain(value);
  if (complaint !== undefined) throw invalid(`--config ${path}: ${complaint}`);
  return value as SettingsFile;
}

type TlsSettings = Static<typeof tls>;

/** Reads the PEM files of a listener. Rejects with BrokerError `invalid-options`. */
export async function readTls(settings: TlsSettings, configPath: string | undefined): Promise<TlsOptions> {
  const folder = configPath === undefined ? '.' : dirname(configPath);
  const read = async (path: string): Promise<Buffer> => {
    try {
      return await readFile(resolve(folder, path));
    } catch (error) {
      throw invalid(`tls: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const pair = async ({
    keyFile,
    certFile,
  }: {
    keyFile: string;
    certFile: string;
  }): Promise<ServerCertificate> => ({
    key: await read(keyFile),
    cert: await read(certFile),
  });
  const { clientCaFile, clientCrlFile, requireClientCertificate, serverNames } = settings;
  const names = await Promise.all(
    Object.entries(serverNames ?? {}).map(async ([name, files]) => [name, await pair(files)] as const),
  );
  return {
    ...(await pair(settings)),
    ...(clientCaFile === undefined ? {} : { clientCa: await read(clientCaFile) }),
    ...(clientCrlFile === undefined ? {} : { clientCrl: await read(clientCrlFile) }),
    ...(requireClientCertificate === undefined ? {} : { requireClientCertificate }),
    ...(names.length === 0 ? {} : { serverNames: Object.fromEntries(names) }),
  };
}
