import type { InboundMessage, Logger } from '@shoal/mqtt-link';
import {
  describeViolations,
  parseJson,
  validateTelemetry,
  type Telemetry,
  type Violation,
} from '@shoal/protocol';

export interface TelemetryReceiver {
  readonly deviceId: string;
  readonly logger: Logger;
  readonly onSample: (sample: Telemetry, message: InboundMessage) => void;
  readonly onMalformed: () => void;
}

/** A log line for the first and every hundredth malformed message: a broken device must not fill the log. */
const LOG_EVERY = 100;

/** Handles telemetry messages; what is malformed is counted, logged with the field, and ignored. */
export function receiveTelemetry(receiver: TelemetryReceiver): (message: InboundMessage) => void {
  let malformed = 0;
  return (message) => {
    const read = readTelemetry(message.payload, receiver.deviceId);
    if (read.ok) return receiver.onSample(read.value, message);
    if (malformed++ % LOG_EVERY === 0) {
      receiver.logger.warn('malformed telemetry ignored', {
        topic: message.topic,
        violations: describeViolations(read.violations),
        malformed,
      });
    }
    receiver.onMalformed();
  };
}

function readTelemetry(
  payload: Uint8Array,
  deviceId: string,
):
  | { readonly ok: true; readonly value: Telemetry }
  | { readonly ok: false; readonly violations: readonly Violation[] } {
  const json = parseJson(payload);
  if (!json.ok) return json;
  const telemetry = validateTelemetry(json.value);
  if (!telemetry.ok) return telemetry;
  if (telemetry.value.deviceId !== deviceId) {
    return { ok: false, violations: [{ field: 'deviceId', message: `must be ${deviceId}` }] };
  }
  if (Number.isNaN(Date.parse(telemetry.value.at))) {
    return { ok: false, violations: [{ field: 'at', message: 'must be a date and time' }] };
  }
  return telemetry;
}
