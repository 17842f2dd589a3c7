import type { Meter } from '@opentelemetry/api';
import { createNoopMeter, metrics } from '@opentelemetry/api';

/** Of the library `name`; undefined without an SDK. */
export function meterOf(name: string): Meter | undefined {
  const meter = metrics.getMeterProvider().getMeter(name);
  // The API hands out one meter for everybody as long as there is no SDK.
  return meter === createNoopMeter() ? undefined : meter;
}
