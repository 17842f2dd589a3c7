import type { Link } from '@shoal/mqtt-link';
import { canaryTopic, deviceTopics, treeFilter, usageTopic } from '@shoal/protocol';
import { applyEngineRecord, emptyEngine, type EngineView } from '../core/engine-view.ts';
import type { Scope } from '../core/scope.ts';
import { Signal } from './signal.ts';

const MOST_REJECTED = 50;

/** What keeps the unit going, from its retained records: wanted agents, triggers, hosts, what models cost. */
export class EngineStore {
  readonly signal = new Signal();
  readonly #scope: Scope;
  readonly #rejected: string[] = [];
  #view = emptyEngine();
  #stale = false;
  loaded = false;
  /** Trees that this credential may not read. */
  refused: readonly string[] = [];

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  get view(): EngineView {
    return this.#view;
  }

  /** Records that could not be used, the newest last. */
  rejected(): readonly string[] {
    return this.#rejected;
  }

  async start(link: Link): Promise<void> {
    // The connection that comes next brings every record again, and not those that were removed meanwhile.
    link.on('offline', () => {
      this.#stale = true;
    });
    const refused: string[] = [];
    for (const filter of filtersOf(this.#scope)) {
      try {
        await link.subscribe(filter, ({ topic, payload }) => this.#receive(topic, payload));
      } catch {
        refused.push(filter);
      }
    }
    this.refused = refused;
    this.loaded = true;
    this.signal.changed();
  }

  #receive(topic: string, payload: Uint8Array): void {
    if (this.#stale) this.#view = emptyEngine();
    this.#stale = false;
    const fault = applyEngineRecord(this.#view, topic, payload);
    if (fault !== undefined) this.#rejected.push(fault);
    if (this.#rejected.length > MOST_REJECTED) this.#rejected.shift();
    this.signal.changed();
  }
}

function filtersOf(scope: Scope): readonly string[] {
  const agents = treeFilter('agent', scope).replace(/#$/, '+');
  const approvals = deviceTopics({ ...scope, deviceId: 'any' }).approvals.replace('/any/', '/+/');
  const usage = usageTopic({ ...scope, scope: 'day', scopeId: 'any' }).replace('/any/', '/+/');
  return [
    `${agents}/desired`,
    `${agents}/attempt`,
    `${agents}/reasoning/+`,
    treeFilter('trigger', scope),
    treeFilter('host', scope).replace(/#$/, '+'),
    usage,
    approvals,
    canaryTopic(scope),
  ];
}
