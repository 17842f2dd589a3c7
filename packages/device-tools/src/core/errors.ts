const brand = Symbol.for('@shoal/device-tools/DeviceToolError');

/** Every code, with what it means. The README table is checked against this list. */
export const DEVICE_TOOL_ERROR_CODES = {
  'invalid-tool': 'a tool is declared without what both ends need to check it; the message names the field',
  'invalid-command': 'a command cannot be sent as it was asked for; the message names the field',
  'command-conflict': 'another command of the device has this id',
  'no-such-command': 'the broker has no command with this id for the device',
  'no-such-approval': 'the broker has no approval with this id for the device',
  'invalid-approver-keys': 'a key of an approver cannot be used; the message names it and what is wrong',
} as const;

export type DeviceToolErrorCode = keyof typeof DEVICE_TOOL_ERROR_CODES;

/** The errors of this package; branch on `code`. A refused call is no error but a `Refusal`. */
export class DeviceToolError extends Error {
  readonly code: DeviceToolErrorCode;

  constructor(code: DeviceToolErrorCode, message: string) {
    super(message);
    this.name = 'DeviceToolError';
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }
}
