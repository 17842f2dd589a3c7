/** Runs jobs, at most `concurrency` at once and in order of arrival, with a bounded line of those that wait. */
export class WorkQueue<T> {
  readonly #run: (job: T) => Promise<void> | undefined;
  readonly #waiting: T[] = [];
  readonly #concurrency: number;
  readonly #maxQueued: number;
  #running = 0;

  /** `run` returns undefined when the job is already done; its promise must not reject. */
  constructor(options: {
    concurrency: number;
    maxQueued: number;
    run: (job: T) => Promise<void> | undefined;
  }) {
    this.#run = options.run;
    this.#concurrency = options.concurrency;
    this.#maxQueued = options.maxQueued;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  hasRoom(): boolean {
    return this.#running < this.#concurrency || this.#waiting.length < this.#maxQueued;
  }

  add(job: T): void {
    if (this.#running >= this.#concurrency) this.#waiting.push(job);
    else this.#start(job);
  }

  /** Takes the first job that matches out of the line. */
  withdraw(matches: (job: T) => boolean): T | undefined {
    const index = this.#waiting.findIndex(matches);
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  /** Empties the line and returns what was in it. */
  drain(): T[] {
    return this.#waiting.splice(0);
  }

  #start(job: T): void {
    this.#running += 1;
    const done = this.#run(job);
    if (done === undefined) this.#next();
    else void done.then(() => this.#next());
  }

  #next(): void {
    this.#running -= 1;
    const job = this.#waiting.shift();
    if (job !== undefined) this.#start(job);
  }
}
