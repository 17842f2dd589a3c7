import { Duplex } from 'node:stream';
import type { SimProcess, World } from './world.ts';

/** Milliseconds that a chunk takes, drawn anew for each. */
const LATENCY_MS = { least: 0.05, most: 2 } as const;

/** One end of a connection. Bytes arrive in order, some time later, or not at all: as over TCP. */
class SimSocket extends Duplex {
  readonly owner: SimProcess;
  peer!: SimSocket;
  readonly #wire: Wire;
  #lastArrivalMs = 0;

  constructor(wire: Wire, owner: SimProcess) {
    super({ highWaterMark: 1 << 20 });
    this.owner = owner;
    this.#wire = wire;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { owner } = this;
    if (owner.state !== 'dead') {
      owner.effects += 1;
      if (owner.onEffect?.(owner.effects) === false) return done();
      const copy = Buffer.from(chunk);
      this.carry(() => void this.peer.push(copy));
    }
    done();
  }

  override _final(done: () => void): void {
    this.carry(() => void this.peer.push(null));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wire.forget(this);
    this.carry(() => void this.peer.destroy());
    done(error);
  }

  /** Something that the other end gets to know. A dead process sends nothing more; what it sent is on its way. */
  carry(arrive: () => void): void {
    if (this.owner.state === 'dead') return;
    this.carryAnyway(arrive);
  }

  carryAnyway(arrive: () => void): void {
    const { world } = this.#wire;
    const latencyMs = world.random.between(LATENCY_MS.least, LATENCY_MS.most);
    const freeMs = this.#wire.heldUntilMs(this.owner, this.peer.owner);
    const atMs = Math.max(world.nowMs + latencyMs, freeMs, this.#lastArrivalMs);
    this.#lastArrivalMs = atMs;
    world.planFor(this.peer.owner, atMs - world.nowMs, () => {
      if (!this.peer.destroyed) arrive();
    });
  }
}

export interface Listening {
  readonly process: SimProcess;
  /** Takes a client's stream. */
  accept(stream: Duplex): void;
}

/** All connections between processes and the broker, and what can happen to them. */
export class Wire {
  readonly world: World;
  listening: Listening | undefined;
  readonly #open = new Set<SimSocket>();
  readonly #heldUntilMs = new Map<SimProcess, number>();

  constructor(world: World) {
    this.world = world;
  }

  /** Opens a stream from a process to whoever listens. One that nobody answers is destroyed, as by ECONNREFUSED. */
  dial(from: SimProcess): Duplex {
    const client = new SimSocket(this, from);
    this.#open.add(client);
    const listening = this.listening;
    const to = listening?.process;
    if (listening === undefined || to === undefined || to.state === 'dead') {
      this.world.planFor(from, LATENCY_MS.most, () => client.destroy());
      client.peer = new SimSocket(this, from);
      client.carry = () => undefined;
      return client;
    }
    const server = new SimSocket(this, to);
    client.peer = server;
    server.peer = client;
    this.#open.add(server);
    this.#dieWith(client);
    this.#dieWith(server);
    client.carry(() => listening.accept(server));
    return client;
  }

  forget(socket: SimSocket): void {
    this.#open.delete(socket);
  }

  /** The connections of a process are reset; nothing says so but the silence. */
  cut(process: SimProcess): void {
    const hit = [...this.#open].filter(({ owner, peer }) => owner === process || peer.owner === process);
    if (hit.length > 0) this.world.note(`cut ${process.name}`);
    for (const socket of hit) {
      this.#open.delete(socket);
      this.world.planFor(socket.owner, 0, () => socket.destroy());
    }
  }

  /** Nothing reaches the process or leaves it for so long; then all arrives. Longer than the keep-alive is a partition. */
  hold(process: SimProcess, forMs: number): void {
    this.world.note(`hold ${process.name} ${forMs.toFixed(0)}`);
    this.#heldUntilMs.set(process, this.world.nowMs + forMs);
  }

  heldUntilMs(a: SimProcess, b: SimProcess): number {
    return Math.max(this.#heldUntilMs.get(a) ?? 0, this.#heldUntilMs.get(b) ?? 0);
  }

  /** The system closes what a dead process had open. */
  #dieWith(socket: SimSocket): void {
    socket.owner.onDeath.push(() => {
      this.#open.delete(socket);
      socket.carryAnyway(() => void socket.peer.destroy());
    });
  }
}
