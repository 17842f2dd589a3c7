/** One change of a batch; without a value the key is deleted. */
export interface StoreChange {
  readonly key: string;
  readonly value: Buffer | undefined;
}

/** Keys in order, values as bytes, batches that are written whole or not at all. */
export interface Store {
  /** What the messages of a client can survive: the broker's process, or the machine. Published on `$SYS/broker/durability`. */
  readonly durability: 'process' | 'disk';
  /** Everything, before the first write. */
  entries(): AsyncIterable<readonly [string, Buffer]>;
  /** Resolves when the batch would survive as `durability` says. Never called again before it has. */
  write(changes: readonly StoreChange[]): Promise<void>;
  close(): Promise<void>;
}
