import type { SessionAddress, SessionView } from '../core/view.ts';

/**
 * Views of sessions that somebody in this process keeps anyway, over an unfenced connection: an instance looks and watches through
 * them, and needs no subscriptions of its own.
 */
export interface SessionSource {
  /**
   * Starts to watch a session. The view holds what has been read so far: who spawns an instance at the echo of its claim knows it to
   * be as new as that. Undefined while the source cannot be used.
   */
  watch(address: SessionAddress, hooks: SourceHooks): SourceWatch | undefined;
}

export interface SourceHooks {
  readonly onChange: () => void;
  /** The source has ended for good. The view stays as it is, and becomes old. */
  readonly onEnd: () => void;
}

export interface SourceWatch {
  /** Shared by all who watch the session, and kept up to date: nobody but the source changes it. */
  readonly view: SessionView;
  /** Resolves when whatever the broker held at the call is in the view; rejects with LinkError when the connection is lost before. */
  sync(): Promise<SessionView>;
  /**
   * A record of this watcher is about to be published, over a connection that is fenced for its topic: its PUBACK puts it into the view,
   * and its echo, if that is the next word there, need not be read.
   */
  expect(topic: string, bytes: Uint8Array, record: unknown): ExpectedRecord;
  /** Closing twice is fine. */
  close(): void;
}

/** A record on its way. One of both is called, once. */
export interface ExpectedRecord {
  /** On its PUBACK. */
  written(): void;
  /** It was not published after all. */
  failed(): void;
}
