import { createRequester, type Requester } from '@shoal/agent-sdk';
import type { Link } from '@shoal/mqtt-link';
import { sessionControl, type SessionControl } from '@shoal/workflow';
import type { Scope } from '../core/scope.ts';
import { clientIdFor, openAs, type Credentials } from './credentials.ts';
import { ConversationStore } from './conversation-store.ts';
import { EngineStore } from './engine-store.ts';
import { FleetStore } from './fleet-store.ts';
import { SessionStore } from './session-store.ts';
import { Signal } from './signal.ts';

/** Everything behind the pages: one connection, and what is known through it. */
export interface Console {
  readonly credentials: Credentials;
  readonly scope: Scope;
  readonly link: Link;
  /** Changes with the state of the connection. */
  readonly connection: Signal;
  readonly fleet: FleetStore;
  readonly sessions: SessionStore;
  readonly engine: EngineStore;
  readonly conversations: ConversationStore;
  readonly requester: Requester;
  readonly control: SessionControl;
  close(): Promise<void>;
}

/** Rejects with LinkError when the broker does not let this credential in. */
export async function openConsole(credentials: Credentials, scope: Scope): Promise<Console> {
  const link = await openAs(credentials, clientIdFor(scope, credentials.actAs));
  const connection = new Signal();
  for (const event of ['online', 'offline', 'fenced', 'closed'] as const)
    link.on(event, () => connection.changed());
  const fleet = new FleetStore(link, scope);
  const sessions = new SessionStore(scope);
  const engine = new EngineStore(scope);
  const requester = createRequester({
    link,
    address: { ...scope, agentId: credentials.actAs },
    directory: fleet.registry,
  });
  const control = sessionControl(link, { ...scope, by: credentials.actAs });
  void fleet.start();
  void sessions.start(link);
  void engine.start(link);
  return {
    credentials,
    scope,
    link,
    connection,
    fleet,
    sessions,
    engine,
    conversations: new ConversationStore(requester, scope),
    requester,
    control,
    async close() {
      await fleet.registry.stop().catch(() => undefined);
      await requester.close().catch(() => undefined);
      await link.close();
    },
  };
}
