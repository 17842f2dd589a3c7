const brand = Symbol.for('@shoal/device-sim/DeviceSimError');

/** Every code, with what it means. The README table is checked against this list. */
export const DEVICE_SIM_ERROR_CODES = {
  'csv-malformed': 'a recording is no table as expected; the message names the lines and columns',
  'manifest-malformed':
    'the manifest of the waveforms, or a waveform file, is not as expected; the message names the field',
  'no-recording': 'the data folder holds no recording that shows what was asked for',
  'out-of-range': 'a parameter is outside its range; the message names both',
  'fault-not-applicable': 'this kind of machine cannot have this fault, or the channel does not exist',
  'capture-gone': 'a waveform capture is asked for that is no longer kept',
} as const;

export type DeviceSimErrorCode = keyof typeof DEVICE_SIM_ERROR_CODES;

/** The errors of this package; branch on `code`. */
export class DeviceSimError extends Error {
  readonly code: DeviceSimErrorCode;

  constructor(code: DeviceSimErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DeviceSimError';
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Also recognises errors of another copy of this package. */
export function isDeviceSimError(error: unknown, code?: DeviceSimErrorCode): error is DeviceSimError {
  if (!(error instanceof Error) || !(brand in error)) return false;
  return code === undefined || (error as unknown as DeviceSimError).code === code;
}
