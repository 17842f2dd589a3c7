export interface Flushable {
  flush(): void;
}

/** Writes each connection once per turn of the event loop, after all packets that arrived in it were handled. */
export class Flusher {
  /** Number of this turn of the event loop, as far as anything happens in it. */
  turn = 0;
  private dirty: Flushable[] = [];
  private scheduled = false;
  private readonly commit: () => void;

  /** `commit` starts the write of what was recorded, before the packets of the same turn are sent. */
  constructor(commit: () => void) {
    this.commit = commit;
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
    this.turn++;
    // What it lets go is sent in this turn as well.
    this.commit();
    const dirty = this.dirty;
    this.dirty = [];
    for (const connection of dirty) connection.flush();
  }
}
