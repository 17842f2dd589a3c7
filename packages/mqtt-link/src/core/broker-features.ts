import type { BrokerFeatures, Qos, UserProperties } from '../link.ts';

export interface ConnackFields {
  readonly sessionPresent?: boolean;
  readonly reasonCode?: number | undefined;
  readonly properties?:
    | {
        readonly receiveMaximum?: number;
        readonly maximumQoS?: number;
        readonly retainAvailable?: boolean;
        readonly maximumPacketSize?: number;
        readonly assignedClientIdentifier?: string;
        readonly reasonString?: string;
        readonly userProperties?: UserProperties;
        readonly wildcardSubscriptionAvailable?: boolean;
        readonly subscriptionIdentifiersAvailable?: boolean;
        readonly sharedSubscriptionAvailable?: boolean;
        readonly serverKeepAlive?: number;
      }
    | undefined;
}

/** What CONNACK says, with the defaults of MQTT 5 §3.2.2.3 where it says nothing. */
export function readBrokerFeatures(connack: ConnackFields): BrokerFeatures {
  const said = connack.properties ?? {};
  return {
    maximumQos: (said.maximumQoS ?? 2) as Qos,
    retainAvailable: said.retainAvailable ?? true,
    sharedSubscriptionAvailable: said.sharedSubscriptionAvailable ?? true,
    wildcardSubscriptionAvailable: said.wildcardSubscriptionAvailable ?? true,
    subscriptionIdentifiersAvailable: said.subscriptionIdentifiersAvailable ?? true,
    receiveMaximum: said.receiveMaximum ?? 65_535,
    ...(said.maximumPacketSize === undefined ? {} : { maximumPacketSize: said.maximumPacketSize }),
    ...(said.serverKeepAlive === undefined ? {} : { serverKeepAliveSeconds: said.serverKeepAlive }),
    ...(said.assignedClientIdentifier === undefined
      ? {}
      : { assignedClientId: said.assignedClientIdentifier }),
    userProperties: said.userProperties ?? {},
  };
}
