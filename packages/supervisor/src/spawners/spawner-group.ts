import type { SpawnOrder } from '@shoal/workflow';
import { choosePlace, freeRoom, weightOf, type Needs, type Place } from '../core/placement.ts';
import type { Spawner, SpawnHooks } from '../types.ts';

export interface GroupedSpawner {
  /** Tells it from the others; of equally full ones the first by id is taken. */
  readonly id: string;
  readonly spawner: Spawner;
  /** What steps and blueprints may ask for. Default none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Places, in the unit of `weight`. Default: as many as the spawner takes instances. */
  readonly capacity?: number;
  /** The only blueprints that it can start. Default: any. */
  readonly blueprints?: readonly string[];
}

/** Several spawners as one: an order goes to the least full of those that have its labels. Stops all of them when it is stopped. */
export function spawnerGroup(members: readonly GroupedSpawner[]): Spawner {
  if (new Set(members.map(({ id }) => id)).size !== members.length)
    throw new Error('spawnerGroup: two members have the same id; give each its own');
  const used = new Map<string, number>();
  const placeOf = (
    { id, spawner, labels = {}, blueprints, ...member }: GroupedSpawner,
    needs: Needs,
  ): Place[] => {
    const capacity = member.capacity ?? spawner.capacity;
    const only = blueprints === undefined ? {} : { blueprints };
    if (spawner.room === undefined) {
      const full = spawner.running >= spawner.capacity;
      return [{ id, labels, capacity, used: full ? capacity : (used.get(id) ?? 0), ...only }];
    }
    // It knows its own places better, and their labels beside those that are given here.
    const rest = Object.entries(needs.labels ?? {}).filter(([name, value]) => labels[name] !== value);
    const room = spawner.room({ ...needs, labels: Object.fromEntries(rest) });
    if (room === 'nowhere') return [];
    return [{ id, labels: { ...labels, ...needs.labels }, capacity, used: capacity - room, ...only }];
  };
  const places = (needs: Needs): readonly Place[] => members.flatMap((member) => placeOf(member, needs));
  return {
    get running() {
      return members.reduce((sum, { spawner }) => sum + spawner.running, 0);
    },
    get capacity() {
      return members.reduce((sum, { spawner }) => sum + spawner.capacity, 0);
    },
    room: (needs: Needs) => freeRoom(needs, places(needs)),
    async spawn(order: SpawnOrder, hooks: SpawnHooks = {}) {
      const needs = { ...order.placement, blueprint: order.blueprint };
      const choice = choosePlace(needs, places(needs));
      if ('none' in choice)
        throw new Error(
          choice.none === 'full'
            ? 'every spawner with such labels is full'
            : `no spawner has the labels ${JSON.stringify(order.placement?.labels ?? {})} and the room for weight ${weightOf(order.placement)}`,
        );
      const { id } = choice.place;
      const weight = weightOf(order.placement);
      let taken = weight;
      const free = (): void => {
        used.set(id, (used.get(id) ?? 0) - taken);
        taken = 0;
      };
      used.set(id, (used.get(id) ?? 0) + weight);
      try {
        await members
          .find((member) => member.id === id)
          ?.spawner.spawn(order, {
            ...hooks,
            onExit(clean) {
              free();
              hooks.onExit?.(clean);
            },
            onLost() {
              free();
              hooks.onLost?.();
            },
          });
      } catch (error) {
        free();
        throw error;
      }
    },
    async stop() {
      await Promise.all(members.map(({ spawner }) => spawner.stop()));
    },
  };
}
