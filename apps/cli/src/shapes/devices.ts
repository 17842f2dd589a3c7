import { RISK_CLASSES, type DeviceCommandState } from '@shoal/device-tools';
import { Type, type Static } from 'typebox';
import { count, json, map, orNull, text, words } from './parts.ts';

export const DevicesList = Type.Object({
  devices: Type.Array(
    Type.Object({
      org: text,
      unit: text,
      deviceId: text,
      type: orNull(text),
      description: text,
      serverId: text,
      serverName: text,
      /** Presence of the agent of the same name; null: none is registered. */
      agent: orNull(text),
    }),
  ),
});
export type DevicesList = Static<typeof DevicesList>;

export const Sample = Type.Object({
  at: text,
  deviceId: text,
  seq: count,
  channels: map(orNull(Type.Number())),
  units: map(text),
});
export type Sample = Static<typeof Sample>;

export const DevicesWatch = Type.Object({ samples: Type.Array(Sample), dropped: count });
export type DevicesWatch = Static<typeof DevicesWatch>;

export const DeviceTools = Type.Object({
  device: text,
  tools: Type.Array(
    Type.Object({
      name: text,
      description: text,
      /** From harmless to harmful; what does not say counts as dangerous. */
      risk: words(...RISK_CLASSES),
      inputSchema: json,
    }),
  ),
});
export type DeviceTools = Static<typeof DeviceTools>;

export const DeviceCall = Type.Object({
  device: text,
  tool: text,
  risk: words(...RISK_CLASSES),
  via: words('device', 'agent'),
  ok: Type.Boolean(),
  result: json,
  error: orNull(text),
});
export type DeviceCall = Static<typeof DeviceCall>;

export const DeviceApproval = Type.Object({
  device: text,
  approvalId: text,
  tool: text,
  args: json,
  action: words('approve', 'deny'),
  by: text,
  reason: orNull(text),
  at: text,
  expiresAt: text,
  /** The `kid` of the key; null: it is not signed. */
  signedWith: orNull(text),
  /** Where it is retained. */
  topic: text,
});
export type DeviceApproval = Static<typeof DeviceApproval>;

export const DeviceWithdrawal = Type.Object({
  device: text,
  approvalId: text,
  tool: text,
  args: json,
  by: text,
  /** A call that was made under it before; null: the device could not be asked. A call that was made exits with 7 instead. */
  used: orNull(Type.Boolean()),
});
export type DeviceWithdrawal = Static<typeof DeviceWithdrawal>;

const COMMAND_STATES = [
  'queued',
  'canceling',
  'delivered',
  'accepted',
  'running',
  'done',
  'failed',
  'unknown',
  'expired',
  'canceled',
] as const satisfies readonly DeviceCommandState[];

export const DeviceCommandRow = Type.Object({
  commandId: text,
  state: words(...COMMAND_STATES),
  tool: text,
  args: json,
  by: text,
  at: text,
  deadlineAt: text,
  /** What the device said, in order. */
  trail: Type.Array(Type.Object({ state: text, at: text })),
  result: json,
  error: orNull(text),
});
export type DeviceCommandRow = Static<typeof DeviceCommandRow>;

export const DeviceCommands = Type.Object({ device: text, commands: Type.Array(DeviceCommandRow) });
export type DeviceCommands = Static<typeof DeviceCommands>;
