/** Which step of which session left something. */
export interface ArtifactOwner {
  readonly org: string;
  readonly unit: string;
  readonly sessionId: string;
  readonly stepId: string;
}

export interface StoredContent {
  readonly bytes: Uint8Array;
  /** Of the bytes, lower-case hexadecimal. Part of the name: the same content is stored once for each step. */
  readonly sha256: string;
  readonly mediaType: string;
}

/**
 * Where large results lie: a file server, an object store. Everything that a session left there goes when its records are purged. What
 * is read is checked against the hash that the result names, so a store need not be trusted with more than keeping.
 */
export interface ArtifactStore {
  /** Resolves with a URI when it is stored for good. Storing the same again is fine. */
  put(owner: ArtifactOwner, content: StoredContent): Promise<string>;
  /** Undefined when there is no such artifact. Rejects when the store cannot be asked, and for what is larger than `maxBytes`. */
  get(uri: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Removes everything of a session. Removing twice is fine. */
  remove(session: Omit<ArtifactOwner, 'stepId'>): Promise<void>;
}

export interface ArtifactOptions {
  readonly store: ArtifactStore;
  /** Bytes, as JSON, of an output or of one part of an artifact, above which it goes by reference. Default 65 536. */
  readonly inlineLimitBytes?: number;
  /** The largest artifact that is stored or read. Default 16 777 216. */
  readonly maxBytes?: number;
}
