/** Roles of a server ("Service Registration", `meta.rbac`) and of a client (`MCP-RBAC` in CONNACK). Pure. */
import { isObject, type JsonObject } from './messages.ts';

export interface McpRole {
  readonly name: string;
  readonly description?: string;
  readonly allowedMethods: 'all' | readonly string[];
  readonly allowedTools: 'all' | readonly string[];
  readonly allowedResources: 'all' | readonly string[];
}

/** What keeps a session alive and tidy is no privilege. */
const ALWAYS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
]);

/** `meta.rbac` as the specification spells it. */
export function encodeRoles(roles: readonly McpRole[]): JsonObject {
  return {
    roles: roles.map(({ name, description, allowedMethods, allowedTools, allowedResources }) => ({
      name,
      ...(description === undefined ? {} : { description }),
      allowed_methods: allowedMethods,
      allowed_tools: allowedTools,
      allowed_resources: allowedResources,
    })),
  };
}

/** The roles that a server's presence names. What cannot be read allows nothing. */
export function readRoles(meta: JsonObject): McpRole[] {
  const rbac = meta['rbac'];
  const roles = isObject(rbac) && Array.isArray(rbac['roles']) ? (rbac['roles'] as unknown[]) : [];
  return roles.filter(isObject).flatMap((role) => {
    const { name, description } = role;
    if (typeof name !== 'string') return [];
    return {
      name,
      ...(typeof description === 'string' ? { description } : {}),
      allowedMethods: allowance(role['allowed_methods']),
      allowedTools: allowance(role['allowed_tools']),
      allowedResources: allowance(role['allowed_resources']),
    };
  });
}

function allowance(value: unknown): 'all' | readonly string[] {
  if (value === 'all') return 'all';
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}

/** The roles that `MCP-RBAC` gives a client on one server; undefined when the property is absent or unusable. */
export function suggestedRoles(property: string | undefined, serverName: string): string[] | undefined {
  if (property === undefined) return undefined;
  try {
    const entries = JSON.parse(property) as unknown;
    if (!Array.isArray(entries)) return undefined;
    return entries
      .filter(isObject)
      .filter((entry) => entry['server_name'] === serverName && typeof entry['role_name'] === 'string')
      .map((entry) => entry['role_name'] as string);
  } catch {
    return undefined;
  }
}

/** Why the roles do not allow a message; undefined when one of them does. Answers to the server's own requests are not asked about. */
export function whyNotAllowed(
  roles: readonly McpRole[],
  method: string,
  params: JsonObject,
): string | undefined {
  if (ALWAYS.has(method)) return undefined;
  const names = roles.map(({ name }) => name).join(', ') || 'none';
  const withMethod = roles.filter(({ allowedMethods }) => includes(allowedMethods, method));
  if (withMethod.length === 0) return `"${method}" is not allowed to the roles of this client (${names})`;
  if (method === 'tools/call') {
    const tool = String(params['name']);
    if (withMethod.some(({ allowedTools }) => includes(allowedTools, tool))) return undefined;
    return `the tool ${JSON.stringify(tool)} is not allowed to the roles of this client (${names})`;
  }
  if (/^resources\/(read|subscribe|unsubscribe)$/.test(method)) {
    const uri = String(params['uri']);
    if (withMethod.some(({ allowedResources }) => includes(allowedResources, uri))) return undefined;
    return `the resource ${JSON.stringify(uri)} is not allowed to the roles of this client (${names})`;
  }
  return undefined;
}

function includes(allowed: 'all' | readonly string[], value: string): boolean {
  return allowed === 'all' || allowed.includes(value);
}
