import type { InboundMessage } from '@shoal/mqtt-link';
import { startSpan, traceContextOf, type StartedSpan } from '@shoal/mqtt-link/tracing';
import type { Telemetry } from '@shoal/protocol';
import type { Incident } from '../core/incident/incident-machine.ts';

/**
 * Where the trace of an incident begins: at the sample that raised it, as a child of the device's own span if the device sent one. Samples
 * that raise nothing have no span. Undefined without an OpenTelemetry SDK.
 */
export function sampleSpan(
  { id, kind, peakScore }: Incident,
  { deviceId, seq, at }: Telemetry,
  { topic, userProperties }: InboundMessage,
): StartedSpan | undefined {
  return startSpan('@shoal/device-agent', `telemetry ${deviceId}`, {
    kind: 'consumer',
    attributes: {
      'messaging.system': 'mqtt',
      'messaging.destination.name': topic,
      'shoal.device.id': deviceId,
      'shoal.telemetry.seq': seq,
      'shoal.telemetry.at': at,
      'shoal.incident.id': id,
      'shoal.incident.kind': kind,
      'shoal.incident.score': peakScore,
    },
    parent: { ...traceContextOf(userProperties) },
  });
}
