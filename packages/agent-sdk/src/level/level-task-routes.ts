import type { ClassicLevel } from 'classic-level';
import type { AgentAddress } from '@shoal/protocol';
import { isIdentifier, parseJson } from '@shoal/protocol';
import { GroupCommit } from '../io/group-commit.ts';
import type { TaskRoutes } from '../io/task-routes.ts';
import type { Change } from './open-level.ts';
import { openLevel, writeChanges } from './open-level.ts';

export interface LevelTaskRoutesOptions {
  /** Made if missing; not that of a task store. One requester at a time. */
  readonly directory: string;
  /** Default 10 000. One more forgets the one that was set longest ago. About 200 bytes of memory each. */
  readonly maxTasks?: number;
}

/** Routes that survive the process (profile: Requester 7). `set` resolves when the route is on the disk. */
export interface LevelTaskRoutes extends TaskRoutes {
  close(): Promise<void>;
}

interface Stored {
  readonly responder: AgentAddress;
  readonly setAt: number;
}

/** Rejects with A2aError `store-failed`. */
export async function levelTaskRoutes(options: LevelTaskRoutesOptions): Promise<LevelTaskRoutes> {
  const maxTasks = options.maxTasks ?? 10_000;
  const db = await openLevel(options.directory);
  const routes = await readRoutes(db);
  const commits = new GroupCommit<Change>((changes) => writeChanges(db, changes, true));
  let setAt = Math.max(0, ...[...routes.values()].map((stored) => stored.setAt));
  return {
    get: (key) => routes.get(key)?.responder,
    set(key, { org, unit, agentId }) {
      const stored = { responder: { org, unit, agentId }, setAt: (setAt += 1) };
      routes.delete(key);
      routes.set(key, stored);
      const [oldest] = routes.keys();
      if (routes.size > maxTasks && oldest !== undefined) {
        routes.delete(oldest);
        void commits.add({ key: oldest, value: undefined }).catch(() => undefined);
      }
      return commits.add({ key, value: JSON.stringify(stored) });
    },
    async close() {
      await commits.idle();
      await db.close();
    },
  };
}

async function readRoutes(db: ClassicLevel): Promise<Map<string, Stored>> {
  const found: [string, Stored][] = [];
  for await (const [key, value] of db.iterator()) {
    const json = parseJson(value);
    if (json.ok && isStored(json.value)) found.push([key, json.value]);
  }
  return new Map(found.sort(([, a], [, b]) => a.setAt - b.setAt));
}

function isStored(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null) return false;
  const { responder, setAt } = value as Partial<Stored>;
  return (
    typeof setAt === 'number' &&
    isIdentifier(responder?.org) &&
    isIdentifier(responder.unit) &&
    isIdentifier(responder.agentId)
  );
}
