const BRAND = Symbol.for('@shoal/device-agent/DeviceAgentError');

/** Every code this package throws, with its meaning; the README table is checked against it. */
export const DEVICE_AGENT_ERROR_CODES = {
  'invalid-option': 'An option is out of its range; the message names it and the range.',
  'too-many-channels': 'More channels than the detector keeps in its bounded state.',
  'invalid-state': 'A saved detector state cannot be restored: other version, missing or malformed field.',
  'invalid-waveform':
    'A waveform cannot be diagnosed: too short, not finite, or its sample rate or shaft speed is unusable.',
  'invalid-recording':
    'A recording or manifest used in an evaluation is malformed; the message names file, line and field.',
  'device-unreachable': 'The MCP server of the device did not answer.',
  'device-tool-failed': 'A tool of the device answered with an error.',
  usage: 'A command line that cannot be understood; the message says what is expected.',
} as const;

export type DeviceAgentErrorCode = keyof typeof DEVICE_AGENT_ERROR_CODES;

/** Every error of this package. Branch on `code`. */
export class DeviceAgentError extends Error {
  override readonly name = 'DeviceAgentError';
  readonly code: DeviceAgentErrorCode;
  readonly [BRAND] = true;

  constructor(code: DeviceAgentErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** By brand, so it also knows errors of another copy of this package. `code` unset: any of them. */
export function isDeviceAgentError(error: unknown, code?: DeviceAgentErrorCode): error is DeviceAgentError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as DeviceAgentError).code === code;
}
