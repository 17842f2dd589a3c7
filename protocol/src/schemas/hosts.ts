import { Type, type TUnsafe } from 'typebox';
import { AnyObject, enumOf, mapOf, Timestamp } from './base.ts';
import { def, type Static } from './def.ts';
import { Identifier, Placement } from './workflow.ts';

/*
 * How supervisors and hosts agree. A host announces itself in a retained record; orders to it and its events are messages that are not
 * kept: what an order is about stands in the records of its session.
 */

const schemaVersion = Type.Unsafe<1>({ const: 1 });
const hostId = Identifier;
const claimId = Type.String({ minLength: 1, maxLength: 100 });
const orderId = Type.String({ minLength: 1, maxLength: 100, description: 'Of one try to place an order.' });
const incarnation = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'Of one life of the host: another one knows nothing of what this one started.',
});
const labels = mapOf(Type.String({ maxLength: 200 }), { maxProperties: 50 });

const $HostRecord = Type.Object(
  {
    schemaVersion,
    hostId,
    incarnation,
    state: enumOf(['ready', 'draining', 'lost'], {
      description: 'draining: it takes no more orders. lost: the Will of its connection.',
    }),
    labels,
    capacity: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Places.' }),
    running: Type.Integer({ minimum: 0, description: 'Places that are taken.' }),
    shares: Type.Boolean({ description: 'It also takes orders that are addressed to nobody in particular.' }),
    blueprints: Type.Optional(
      Type.Array(Identifier, { maxItems: 1000, description: 'The only ones that it can start. Unset: any.' }),
    ),
    version: Type.String({ maxLength: 100, description: 'Of the program that it runs.' }),
    refreshSeconds: Type.Number({
      exclusiveMinimum: 0,
      description:
        'The record is written again at least so often; who is silent for three times as long is gone.',
    }),
    at: Type.Optional(Timestamp),
  },
  { description: 'A host: what it has and what runs on it. Retained; the Will has no time.' },
);
export interface HostRecord extends Static<typeof $HostRecord> {}
export const HostRecord: TUnsafe<HostRecord> = def('HostRecord', $HostRecord);

const $SpawnOrder = Type.Object(
  {
    kind: enumOf(['step', 'agent']),
    org: Identifier,
    unit: Identifier,
    attempt: Type.Integer({ minimum: 1 }),
    claimId,
    blueprint: Identifier,
    placement: Type.Optional(Placement),
    sessionId: Type.Optional(Identifier),
    stepId: Type.Optional(Identifier),
    workflowId: Type.Optional(Identifier),
    agentId: Type.Optional(Identifier),
    config: Type.Optional(AnyObject),
  },
  {
    description:
      'What is to be started: an instance of a step (sessionId, stepId, workflowId) or a long-lived agent (agentId, config). It holds no secret.',
    anyOf: [
      { properties: { kind: { const: 'step' } }, required: ['sessionId', 'stepId', 'workflowId'] },
      { properties: { kind: { const: 'agent' } }, required: ['agentId', 'config'] },
    ],
  },
);
/** The fields of both kinds; `kind` says which are there. */
export interface SpawnOrderDocument extends Static<typeof $SpawnOrder> {}
export const SpawnOrderDocument: TUnsafe<SpawnOrderDocument> = def('SpawnOrderDocument', $SpawnOrder);

const $HostOrder = Type.Object(
  { schemaVersion, orderId, by: Identifier, order: SpawnOrderDocument, at: Timestamp },
  {
    description:
      'Asks one host, or any of them through a shared subscription, to start something. by: who asks. Not retained.',
  },
);
export interface HostOrder extends Static<typeof $HostOrder> {}
export const HostOrder: TUnsafe<HostOrder> = def('HostOrder', $HostOrder);

export const RefusalReason = enumOf(['full', 'draining', 'labels', 'blueprint', 'failed']);
export type RefusalReason = Static<typeof RefusalReason>;

const $HostEvent = Type.Object(
  {
    schemaVersion,
    hostId,
    incarnation,
    orderId,
    claimId,
    event: enumOf(['accepted', 'refused', 'exited']),
    reason: Type.Optional(RefusalReason),
    message: Type.Optional(Type.String({ maxLength: 4000 })),
    clean: Type.Optional(
      Type.Boolean({
        description: 'Of exited. False: it was killed or gave up, and its Will need not be awaited.',
      }),
    ),
    at: Timestamp,
  },
  {
    description: 'What became of an order. Not retained; every supervisor of the unit may listen.',
    anyOf: [
      { properties: { event: { const: 'refused' } }, required: ['reason'] },
      { properties: { event: { const: 'exited' } }, required: ['clean'] },
      { properties: { event: { const: 'accepted' } } },
    ],
  },
);
export interface HostEvent extends Static<typeof $HostEvent> {}
export const HostEvent: TUnsafe<HostEvent> = def('HostEvent', $HostEvent);
