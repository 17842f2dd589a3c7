import type { AgentAddress } from '@shoal/protocol';
import { clientIdOf } from '@shoal/protocol';
import { Stage } from './stage.ts';
import type { Wire, WireOptions } from './wire.ts';

/** For scenarios in which the broker is the subject: connections of agents, with the client ids that agents have. */
export class BrokerStage extends Stage {
  agent(address: AgentAddress, init: Partial<WireOptions> = {}): Promise<Wire> {
    return this.wire({ name: address.agentId, clientId: clientIdOf(address), ...init });
  }
}
