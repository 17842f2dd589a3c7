import { DEVICE_EXTENSION } from '@shoal/device-agent';
import type { AgentCard } from '@shoal/protocol';

/** An agent and what its card says of its device. */
export interface DeviceAgentCard {
  readonly agentId: string;
  readonly deviceId: string;
  readonly site: string | undefined;
  readonly area: string | undefined;
  readonly relations: readonly { readonly deviceId: string; readonly relation: string }[];
  /** As the registry weighs it: `online`, `suspect`, `asleep`, `offline`, `unknown`. */
  readonly presence: string;
}

export interface Neighbour {
  readonly deviceId: string;
  /** Undefined: no agent says that it watches the device. */
  readonly agentId: string | undefined;
  /** `standby` can take over load; others are asked how they are. */
  readonly relation: string;
  readonly presence: string;
}

export interface Neighbourhood {
  readonly own: DeviceAgentCard | undefined;
  readonly neighbours: readonly Neighbour[];
  /** Devices that stand by for each other, directly or through others, without this one. */
  readonly group: readonly string[];
  /** What the cards say and contradict. */
  readonly assumptions: readonly string[];
}

export const STANDBY = 'standby';

/** Undefined: the card is not that of a device's agent. Malformed parts are left out. */
export function readDeviceCard(
  agentId: string,
  card: AgentCard,
  presence: string,
): DeviceAgentCard | undefined {
  const params = card.capabilities.extensions?.find(({ uri }) => uri === DEVICE_EXTENSION)?.params;
  const { deviceId, site, area, relations } = (params ?? {}) as Record<string, unknown>;
  if (typeof deviceId !== 'string' || deviceId === '') return undefined;
  return {
    agentId,
    deviceId,
    site: typeof site === 'string' ? site : undefined,
    area: typeof area === 'string' ? area : undefined,
    relations: (Array.isArray(relations) ? relations : []).flatMap((entry: unknown) => {
      const { deviceId: other, relation } = (entry ?? {}) as Record<string, unknown>;
      const named = typeof other === 'string' && typeof relation === 'string' && other !== deviceId;
      return named ? [{ deviceId: other, relation }] : [];
    }),
    presence,
  };
}

/**
 * Who has to do with a device: whom its card names, who names it, and who stands in the same area of the same site. Where two cards claim
 * one device, or a relation is told by one side only, it says what it took.
 */
export function neighbourhoodOf(
  cards: readonly DeviceAgentCard[],
  deviceId: string,
  max = 32,
): Neighbourhood {
  const assumptions: string[] = [];
  const byDevice = new Map<string, DeviceAgentCard>();
  for (const card of cards.toSorted(byPresence)) {
    const first = byDevice.get(card.deviceId);
    if (first === undefined) byDevice.set(card.deviceId, card);
    else
      assumptions.push(
        `${first.agentId} and ${card.agentId} both say that they watch ${card.deviceId}: asked ${first.agentId}`,
      );
  }
  const own = byDevice.get(deviceId);
  const relations = new Map<string, string>();
  for (const { deviceId: other, relation } of own?.relations ?? []) {
    relations.set(other, relation);
    const back = byDevice.get(other)?.relations.some((entry) => entry.deviceId === deviceId);
    if (relation === STANDBY && byDevice.has(other) && back === false)
      assumptions.push(
        `${deviceId} names ${other} as its standby, ${other} does not name it: taken as its standby`,
      );
  }
  for (const card of byDevice.values())
    for (const { deviceId: other, relation } of card.relations)
      if (other === deviceId && relation === STANDBY && !relations.has(card.deviceId)) {
        relations.set(card.deviceId, STANDBY);
        assumptions.push(
          `${card.deviceId} names ${deviceId} as its standby, ${deviceId} does not name it: taken as its standby`,
        );
      }
  for (const card of byDevice.values())
    if (card.deviceId !== deviceId && sameArea(card, own) && !relations.has(card.deviceId))
      relations.set(card.deviceId, 'same-area');
  const all = [...relations].map(([other, relation]) => {
    const card = byDevice.get(other);
    return { deviceId: other, relation, agentId: card?.agentId, presence: card?.presence ?? 'unregistered' };
  });
  const sorted = all.toSorted(
    (a, b) =>
      Number(b.relation === STANDBY) - Number(a.relation === STANDBY) || compare(a.deviceId, b.deviceId),
  );
  if (sorted.length > max) assumptions.push(`${sorted.length} neighbours are known: asked the first ${max}`);
  return { own, neighbours: sorted.slice(0, max), group: groupOf(byDevice, deviceId), assumptions };
}

/** Everyone that standby relations lead to, in whichever direction they are told. */
function groupOf(byDevice: ReadonlyMap<string, DeviceAgentCard>, deviceId: string): string[] {
  const links = new Map<string, Set<string>>();
  const link = (a: string, b: string): void => void links.set(a, (links.get(a) ?? new Set()).add(b));
  for (const card of byDevice.values())
    for (const { deviceId: other, relation } of card.relations)
      if (relation === STANDBY) {
        link(card.deviceId, other);
        link(other, card.deviceId);
      }
  const found = new Set([deviceId]);
  for (const member of found) for (const other of links.get(member) ?? []) found.add(other);
  found.delete(deviceId);
  return [...found].toSorted(compare);
}

function sameArea(card: DeviceAgentCard, own: DeviceAgentCard | undefined): boolean {
  return own?.area !== undefined && card.area === own.area && card.site === own.site;
}

/** Who is there comes first; of equals, by name, so that everybody who looks takes the same. */
function byPresence(a: DeviceAgentCard, b: DeviceAgentCard): number {
  const rank = ({ presence }: DeviceAgentCard): number =>
    presence === 'online' ? 0 : presence === 'offline' ? 2 : 1;
  return rank(a) - rank(b) || compare(a.agentId, b.agentId);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
