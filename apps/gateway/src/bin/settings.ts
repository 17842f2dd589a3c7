import { parseArgs } from 'node:util';
import { brokerOf, ProgramUsageError as UsageError } from '@shoal/agent-sdk/program';
import { bearerTokens } from '@shoal/agent-sdk/security';
import type { GatewayOptions } from '../io/gateway-options.ts';
import type { HttpAgentOptions } from '../io/http-agent.ts';

export const USAGE = `shoal-gateway --org ORG --unit UNIT [options]
Shows the agents of a broker to A2A clients on HTTP, and agents of HTTP on the broker.

  --broker URL            default mqtt://127.0.0.1:1883 (SHOAL_BROKER_URL)
  --username NAME         (SHOAL_USERNAME)
  --password-file FILE    (SHOAL_PASSWORD_FILE); or the password itself in SHOAL_PASSWORD
  --org ORG --unit UNIT   (SHOAL_ORG, SHOAL_UNIT)
  --host HOST             default 127.0.0.1 (SHOAL_GATEWAY_HOST)
  --port PORT             default 8080 (SHOAL_GATEWAY_PORT)
  --public-url URL        how clients reach it; default the listener's own (SHOAL_GATEWAY_PUBLIC_URL)
  --agents A,B            show only these agents of the unit; default all
  --default-agent A       its card is at /.well-known/agent-card.json as well
  --cors ORIGIN,…         pages of these origins may call
  --token-issuer URL --token-audience NAME --token-jwks URL
                          let in only who has such a token
  --requests-per-minute N default 600 for one address; 0: no limit
  --max-body BYTES        default 1048576
  --trusted-proxies N     proxies in front whose X-Forwarded-For counts; default 0
  --http-agent ID=URL     puts the agent of URL on the broker as ID; may be repeated. Its token is read from
                          SHOAL_HTTP_AGENT_TOKEN_ID, with ID in capitals and _ for what is no letter or digit
  --grace SECONDS         for what is being answered when it is stopped; default 10
  --help

Example: shoal-gateway --org acme --unit plant-1 --public-url https://a2a.example.com
Logs are lines of JSON on standard error. Exit codes: 0 stopped, 1 it failed, 2 wrong usage.`;

export interface Command {
  readonly gateway: GatewayOptions;
  readonly httpAgents: readonly HttpAgentOptions[];
  readonly graceMs: number;
}

/** Wrong usage: its message names the option and the fix. */
export { UsageError };

export function readCommand(args: readonly string[], env: NodeJS.ProcessEnv): Command | 'help' {
  const flags = parse(args);
  if (flags['help'] === true) return 'help';
  const text = (name: string, variable?: string): string | undefined =>
    (flags[name] as string | undefined) ?? (variable === undefined ? undefined : env[variable]);
  const required = (name: string, variable: string): string => {
    const value = text(name, variable);
    if (value === undefined || value === '') throw new UsageError(`--${name} is needed, or ${variable}`);
    return value;
  };
  const org = required('org', 'SHOAL_ORG');
  const unit = required('unit', 'SHOAL_UNIT');
  const broker = brokerOf(
    { broker: text('broker'), username: text('username'), passwordFile: text('password-file') },
    env,
  );
  const agents = list(text('agents'));
  const number = (name: string, variable?: string): number | undefined => whole(name, text(name, variable));
  const gateway: GatewayOptions = {
    ...broker,
    org,
    unit,
    ...optional('host', text('host', 'SHOAL_GATEWAY_HOST')),
    ...optional('port', number('port', 'SHOAL_GATEWAY_PORT')),
    ...optional('publicUrl', text('public-url', 'SHOAL_GATEWAY_PUBLIC_URL')),
    ...optional('defaultAgent', text('default-agent')),
    ...optional('corsOrigins', list(text('cors'))),
    ...optional('requestsPerMinute', number('requests-per-minute')),
    ...optional('maxBodyBytes', number('max-body')),
    ...optional('trustedProxies', number('trusted-proxies')),
    ...optional('auth', tokensOf(text('token-issuer'), text('token-audience'), text('token-jwks'))),
    ...optional('agents', agents),
  };
  const httpAgents = ((flags['http-agent'] as string[] | undefined) ?? []).map((given): HttpAgentOptions => {
    const [, agentId, agentUrl] = /^([^=]+)=(https?:\/\/.+)$/.exec(given) ?? [];
    if (agentId === undefined || agentUrl === undefined)
      throw new UsageError(`--http-agent must be ID=URL, is ${given}`);
    const token = env[`SHOAL_HTTP_AGENT_TOKEN_${agentId.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`];
    const headers = token === undefined ? {} : { headers: () => ({ authorization: `Bearer ${token}` }) };
    return { ...broker, org, unit, agentId, agentUrl, ...headers };
  });
  return { gateway, httpAgents, graceMs: (number('grace') ?? 10) * 1_000 };
}

function parse(args: readonly string[]): Record<string, unknown> {
  const string = { type: 'string' } as const;
  const names = [...USAGE.matchAll(/--([a-z-]+) [A-Z]/g)].map((match) => match[1] as string);
  const options = {
    ...Object.fromEntries(names.map((name) => [name, string])),
    'http-agent': { type: 'string', multiple: true } as const,
    help: { type: 'boolean' } as const,
  };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function tokensOf(issuer?: string, audience?: string, jwks?: string): GatewayOptions['auth'] {
  if (issuer === undefined && audience === undefined && jwks === undefined) return undefined;
  if (issuer === undefined || audience === undefined || jwks === undefined)
    throw new UsageError('--token-issuer, --token-audience and --token-jwks belong together');
  return bearerTokens({ issuer, audience, jwks });
}

function whole(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`--${name} must be a whole number, is ${value}`);
  return Number(value);
}

function list(value: string | undefined): readonly string[] | undefined {
  return value?.split(',').map((each) => each.trim());
}

function optional<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]?: V });
}
