import { accessOf, ACCESS_ROLES, assertIdentifier, type AccessGrant, type AccessRole } from '@shoal/protocol';
import { deviceMcpServer } from '@shoal/device-sim';
import { mcpClientAccess, mcpServerAccess, MCP_CLIENT_ID } from '@shoal/mcp-mqtt';
import { usageError } from '../errors.ts';

/** The fleet that access rules are written for. */
export interface FleetPlan {
  readonly units: readonly {
    readonly org: string;
    readonly unit: string;
    /** Each gets a credential for itself, and its agent another one. */
    readonly devices: readonly string[];
    /** Further agents that run on their own credential. */
    readonly agents?: readonly string[];
  }[];
}

/** One credential: who it is, and what it may do. */
export interface Principal {
  readonly user: string;
  readonly role: AccessRole;
  readonly org: string;
  readonly unit: string;
  /** Of the one device or agent; null: whatever runs under this credential in the unit. */
  readonly id: string | null;
  /** Client ids that it connects with; `*` at the end stands for any rest. */
  readonly clientIds: readonly string[];
  readonly grants: readonly AccessGrant[];
}

/** A level of a topic that stands for the MQTT client id of whoever connects. */
export { MCP_CLIENT_ID };

/** Throws CliError `usage` that names the field. */
export function readPlan(value: unknown): FleetPlan {
  const { units } = (value ?? {}) as { units?: unknown };
  if (!Array.isArray(units) || units.length === 0)
    throw usageError(
      'fleet.units: a list with at least one unit is needed: { "units": [{ "org", "unit", "devices" }] }',
    );
  for (const [i, entry] of units.entries()) {
    const { org, unit, devices = [], agents = [] } = (entry ?? {}) as Record<string, unknown>;
    check(`fleet.units[${i}].org`, org);
    check(`fleet.units[${i}].unit`, unit);
    for (const [name, ids] of Object.entries({ devices, agents })) {
      if (!Array.isArray(ids)) throw usageError(`fleet.units[${i}].${name}: a list of ids is needed`);
      ids.forEach((id, j) => check(`fleet.units[${i}].${name}[${j}]`, id));
    }
  }
  return {
    units: units.map((unit: FleetPlan['units'][number]) => ({ ...unit, devices: unit.devices ?? [] })),
  };
}

function check(field: string, value: unknown): void {
  try {
    assertIdentifier(field, value);
  } catch (cause) {
    throw usageError(cause instanceof Error ? cause.message : String(cause), 'invalid-identifier');
  }
}

/** Roles that a unit needs once: hosts, and people. */
const SHARED: readonly AccessRole[] = ACCESS_ROLES.filter((role) => role !== 'device' && role !== 'agent');

/** All credentials of a fleet, each with what its role needs. */
export function principalsOf(plan: FleetPlan): readonly Principal[] {
  return plan.units.flatMap(({ org, unit, devices, agents = [] }) => [
    ...SHARED.map((role) => principal(role, org, unit, null)),
    ...devices.map((id) => principal('device', org, unit, id)),
    ...[...devices, ...agents].map((id) => principal('agent', org, unit, id)),
    // One for hosts on which many agents run.
    principal('agent', org, unit, null),
  ]);
}

function principal(role: AccessRole, org: string, unit: string, id: string | null): Principal {
  const subject = { org, unit, ...(id === null ? {} : { id }) };
  const user = [org, unit, role, ...(id === null ? [] : [id])].join('.');
  return {
    user,
    role,
    org,
    unit,
    id,
    clientIds: clientIdsOf(role, org, unit, id),
    grants: withoutRepeats([...accessOf(role, subject), ...mcpOf(role, org, unit, id)]),
  };
}

function mcpOf(role: AccessRole, org: string, unit: string, id: string | null): readonly AccessGrant[] {
  const any = { serverId: '+', serverName: deviceMcpServer({ org, unit, deviceId: '+' }).serverName };
  if (role === 'device' && id !== null) return mcpServerAccess(deviceMcpServer({ org, unit, deviceId: id }));
  if (role === 'agent' && id !== null) return mcpClientAccess(deviceMcpServer({ org, unit, deviceId: id }));
  return role === 'agent' || role === 'step' || role === 'operator' ? mcpClientAccess(any) : [];
}

function clientIdsOf(role: AccessRole, org: string, unit: string, id: string | null): readonly string[] {
  const here = `${org}/${unit}`;
  if (role === 'device')
    return id === null ? [`${org}.${unit}.*`] : [deviceMcpServer({ org, unit, deviceId: id }).serverId];
  if (role === 'agent' && id !== null) return [`${here}/${id}`, `${here}/look-*`, 'mcp-*'];
  if (role === 'reader' || role === 'requester')
    return ['cli', 'console', role, ...(role === 'requester' ? ['gateway'] : [])].map(
      (name) => `${here}/${name}-*`,
    );
  return role === 'supervisor' ? [`${here}/*`] : [`${here}/*`, 'mcp-*'];
}

function withoutRepeats(grants: readonly AccessGrant[]): readonly AccessGrant[] {
  const seen = new Map(
    grants.map((grant) => [`${grant.action} ${String(grant.retain)} ${grant.filter}`, grant]),
  );
  return [...seen.values()];
}
