import type { CommitGate } from './commit-gate.ts';

export interface Flushable {
  flush(): void;
}

/** Writes each connection once per turn of the event loop, after all packets that arrived in it were handled. */
export class Flusher {
  private dirty: Flushable[] = [];
  private scheduled = false;
  private readonly gate: CommitGate;

  constructor(gate: CommitGate) {
    this.gate = gate;
  }

  add(connection: Flushable): void {
    this.dirty.push(connection);
    this.schedule();
  }

  /** Makes sure that the gate is asked to commit in this turn. */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.run());
  }

  private run(): void {
    this.scheduled = false;
    const dirty = this.dirty;
    this.dirty = [];
    this.gate.commit();
    for (const connection of dirty) connection.flush();
  }
}
