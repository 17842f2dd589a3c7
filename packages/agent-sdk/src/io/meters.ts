import type { Counter, Histogram, MeterProvider, UpDownCounter } from '@opentelemetry/api';
import { metrics } from '@opentelemetry/api';
import { meterOf } from '@shoal/mqtt-link/tracing';

export interface Meters {
  readonly callDuration: Histogram;
  readonly retries: Counter;
  readonly taskDuration: Histogram;
  readonly activeTasks: UpDownCounter;
}

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800];

let madeFor: MeterProvider | undefined;
let made: Meters | undefined;

/** The instruments of the SDK that is registered now; undefined when there is none. */
export function metersOf(): Meters | undefined {
  const provider = metrics.getMeterProvider();
  if (provider === madeFor) return made;
  madeFor = provider;
  const meter = meterOf('@shoal/agent-sdk');
  if (meter === undefined) return (made = undefined);
  return (made = {
    callDuration: meter.createHistogram('a2a.client.call.duration', {
      unit: 's',
      description: 'Calls of a requester, all attempts included.',
      advice: { explicitBucketBoundaries: SECONDS },
    }),
    retries: meter.createCounter('a2a.client.retries', { description: 'Attempts after the first.' }),
    taskDuration: meter.createHistogram('a2a.server.task.duration', {
      unit: 's',
      description: 'Runs of a responder, from taken to at rest, by the state they ended in.',
      advice: { explicitBucketBoundaries: SECONDS },
    }),
    activeTasks: meter.createUpDownCounter('a2a.server.tasks.active', {
      description: 'Runs that are at work or wait in line.',
    }),
  });
}
