/** Answers that leave no task behind, so that a retry gets the same one: the latest `capacity`. */
export class RememberedAnswers {
  readonly #answers = new Map<string, unknown>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): unknown {
    return this.#answers.get(key);
  }

  remember(key: string, answer: unknown): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#capacity) return;
      this.#answers.delete(oldest);
    }
  }
}
