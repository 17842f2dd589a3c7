import { parseJson, treeFilter } from '@shoal/protocol';
import type { Fleet } from './fleet.ts';
import { ORG, UNIT } from './names.ts';
import type { World } from './world.ts';

/** Every record that was ever written, as a reader on a connection of its own sees it. */
export class RecordWatch {
  /** By topic: each content that differs from the one before, without what says when and by which attempt. */
  readonly contents = new Map<string, string[]>();
  /** What is retained now, by topic. */
  readonly present = new Map<string, string>();
  readonly #world: World;
  readonly #sessionId: string;
  /** Records that were seen, and that the broker may have lost unacknowledged when it died: nobody may have relied on them. */
  readonly #tentative = new Set<string>();

  constructor(world: World, sessionId: string) {
    this.#world = world;
    this.#sessionId = sessionId;
  }

  /** A broker starts: what the one before had delivered, and had not on its disk when it died, is gone. */
  onBrokerStart(): void {
    for (const topic of this.contents.keys()) this.#tentative.add(topic);
    this.present.clear();
  }

  hasSeen(record: string): boolean {
    return [...this.contents.keys()].some((topic) => topic.endsWith(`/${this.#sessionId}/${record}`));
  }

  start(fleet: Fleet): void {
    // Quicker than anybody else, so that it sees what a broker has on its disk before that is written anew.
    const reconnect = { minDelayMs: 1, maxDelayMs: 1 };
    const process = this.#world.start('watch', async () => {
      const link = await fleet.connect(process, `${ORG}/${UNIT}/watch`, { reconnect });
      await link.subscribe(
        treeFilter('session', { org: ORG, unit: UNIT }),
        ({ topic, payload, retain }) => this.#see(topic, Buffer.from(payload).toString(), retain),
        { ackTimeoutMs: 0 },
      );
    });
  }

  #see(topic: string, text: string, fromDisk: boolean): void {
    const record = topic.split('/').slice(6).join('/');
    this.#world.note(`record ${record} ${summary(text)}`);
    if (text === '') {
      this.present.delete(topic);
      return;
    }
    this.present.set(topic, text);
    const content = contentOf(text);
    const wasTentative = this.#tentative.delete(topic);
    const known = this.contents.get(topic) ?? [];
    const seen = wasTentative && !fromDisk ? known.slice(0, -1) : known;
    if (seen.at(-1) !== content) this.contents.set(topic, [...seen, content]);
  }
}

/** What must not change once it was written. */
function contentOf(text: string): string {
  const json = parseJson(text);
  if (!json.ok) return text;
  const { planHash, state, output, error, task, claimId } = json.value as Record<string, unknown>;
  return JSON.stringify({
    planHash,
    state,
    output,
    // Who completed it: twice the same by two is one too many.
    ...(output === undefined ? {} : { claimId }),
    code: (error as { code?: string } | undefined)?.code,
    task,
  });
}

function summary(text: string): string {
  const json = parseJson(text);
  if (!json.ok) return 'removed';
  const { attempt, state, claimId, supervisorId } = json.value as Record<string, unknown>;
  return [attempt, state, typeof claimId === 'string' ? claimId.slice(0, 4) : '', supervisorId]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}
