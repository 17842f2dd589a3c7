import { accept, storeRetained } from '../accept.ts';
import { NO_PROPERTIES } from '../codec/properties.ts';
import type { Context } from '../context.ts';
import { createMessage, ownMessage } from '../message.ts';
import { readCard } from './card.ts';
import { discoveryTopicOf, type NamespacedAddress } from './discovery-topic.ts';
import type { Registry, Rejection } from './registry.ts';

/** Writes a card in the agent's name, whoever is connected. Returns why not. */
export function registerCard(
  cx: Context,
  registry: Registry,
  address: NamespacedAddress,
  payload: Buffer,
): Rejection | undefined {
  const rejection = registry.idRejection(address) ?? registry.cardRejection(payload, true);
  if (rejection === undefined) write(cx, registry, address, payload);
  return rejection;
}

/** Also when there is none. */
export function deleteCard(cx: Context, registry: Registry, address: NamespacedAddress): void {
  write(cx, registry, address, Buffer.alloc(0));
}

function write(cx: Context, registry: Registry, address: NamespacedAddress, payload: Buffer): void {
  const { namespace, org, unit, agentId } = address;
  const owner = `${org}/${unit}/${agentId}`;
  const topic = discoveryTopicOf(owner, namespace === undefined ? '' : `${namespace}/`);
  const routed = registry.profile.managedWritesAreRouted;
  const fields = { topic, payload, qos: 1 as const, retain: routed, properties: NO_PROPERTIES };
  const card = payload.length === 0 ? undefined : readCard(owner, NO_PROPERTIES.bytes);
  const message = { ...createMessage(fields, owner, cx.now), card };
  // EMQX writes past its routing, and without the mark of a retained message.
  if (routed) accept(cx, message, true);
  else storeRetained(cx, ownMessage(message));
}
