import type { ExpectedFailures } from '@shoal/conformance';

const PUBACK_1 =
  'mochi 2.7.9 acknowledges a publish with user properties with reason code 0x01, which PUBACK does not have';

/** What foreign brokers are known to lack, by scenario. A gap that is gone fails the run, so that this list stays true. */
export const KNOWN_BROKER_GAPS: Readonly<Record<string, ExpectedFailures>> = {
  'embedded, emqx': {
    'B08.will':
      'as EMQX may, it shows a will as online: it is published before the connection counts as gone',
    'B14.online': 'as EMQX does, it names emqx as the source, not broker',
  },
  mosquitto: {
    'B10.reason': 'Mosquitto 2.0.11 closes the first connection without DISCONNECT 0x8E',
    'B13.shared': 'Mosquitto 2.0.11 grants shared subscriptions to $a2a topics and delivers nothing on them',
  },
  mochi: {
    'B01.qos1': PUBACK_1,
    'B04.user-properties': PUBACK_1,
    'B06.retained': PUBACK_1,
    'B06.scoped-filter': PUBACK_1,
    'B06.delete': PUBACK_1,
    'B06.replace': PUBACK_1,
    'B07.dollar': 'mochi 2.7.9 delivers retained $a2a messages to wildcards at the first level',
    'B08.will': PUBACK_1,
    'B12.no-subscriber': 'mochi 2.7.9 does not say that nobody subscribes',
    'B12.puback': PUBACK_1,
    'B14.online': PUBACK_1,
    'B14.offline': PUBACK_1,
  },
};
