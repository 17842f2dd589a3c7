import { deepEqual, equal, ok } from 'node:assert/strict';
import { validateDocument } from '@shoal/protocol';
import type { Observation } from '../io/client.ts';
import type { ResponderStage } from '../io/responder-stage.ts';
import { at } from '../core/reply.ts';
import { brief } from './expectations.ts';
import type { ResponderScenario } from './scenario.ts';

const role = 'responder';

function observed(
  id: string,
  title: string,
  requirements: readonly string[],
  check: (observation: Observation, stage: ResponderStage) => void,
): ResponderScenario {
  return {
    id,
    role,
    title,
    requirements,
    last: true,
    run(stage) {
      ok(stage.observations.length > 0, 'no reply was seen in the whole run');
      for (const observation of stage.observations) check(observation, stage);
      return Promise.resolve();
    },
  };
}

/** Looks at every reply of the run at once: what must hold for all of them. */
export const responderObserved: readonly ResponderScenario[] = [
  observed('V33.timestamps', 'every timestamp is UTC and ends with Z', ['X1'], ({ reply }) => {
    for (const stamp of timestamps(reply.json))
      ok(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(stamp), `timestamp ${stamp}`);
  }),
  observed('ALL.json-rpc', 'every JSON reply is a JSON-RPC 2.0 response', ['EM1'], ({ reply }) => {
    if (reply.packet.properties?.userProperties?.['a2a-event-type'] !== undefined) return;
    equal(at(reply.json, 'jsonrpc'), '2.0', brief(reply.json));
    const members = ['result', 'error'].filter((name) => at(reply.json, name) !== undefined);
    equal(members.length, 1, `either result or error: ${brief(reply.json)}`);
  }),
  observed('ALL.schema', 'every result is what A2A 1.0 says it is', ['ST3', 'RS4'], ({ reply: { json } }) => {
    const result = at(json, 'result');
    for (const [member, document] of Object.entries({
      task: 'Task',
      message: 'Message',
      statusUpdate: 'TaskStatusUpdateEvent',
      artifactUpdate: 'TaskArtifactUpdateEvent',
    } as const)) {
      const value = at(result, member);
      if (value === undefined) continue;
      const valid = validateDocument(document, value);
      deepEqual(valid.ok ? [] : valid.violations, [], `violations of ${document} in ${brief(value)}`);
    }
  }),
  observed(
    'ALL.binding-errors',
    'errors of the binding carry data.a2a_error, and the right one',
    ['EM4'],
    ({ reply }) => {
      const code = at(reply.json, 'error', 'code');
      const name = at(reply.json, 'error', 'data', 'a2a_error');
      const expected = {
        [-32003]: 'request_expired',
        [-32004]: 'responder_unavailable',
        [-32005]: 'transport_protocol_error',
      };
      if (name !== undefined) equal(name, expected[code as -32003], brief(reply.json));
    },
  ),
  observed('ALL.properties', 'every user property of a reply starts with a2a-', ['U1', 'U2'], ({ reply }) => {
    for (const name of Object.keys(reply.packet.properties?.userProperties ?? {}))
      ok(name.startsWith('a2a-'), `user property ${name}`);
  }),
  observed('ALL.ids', 'every reply has the id of its request', ['X7', 'EM2'], ({ reply, requestId }) => {
    if (requestId !== undefined && reply.json !== undefined)
      equal(at(reply.json, 'id'), requestId, brief(reply.json));
  }),
];

function timestamps(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === 'timestamp' && typeof member === 'string' ? [member] : timestamps(member),
  );
}
