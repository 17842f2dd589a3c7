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
  /** The watcher's own: it may put in what it has written before that comes back. */
  readonly view: SessionView;
  /** Resolves when whatever the broker held at the call is in the view; rejects with LinkError when the connection is lost before. */
  sync(): Promise<SessionView>;
  /**
   * A record of this watcher is about to be published: its echo, if that is the next word on its topic, need not be read. To be called back
   * when it is not published after all.
   */
  expect(topic: string, bytes: Uint8Array, record: unknown): () => void;
  /** Closing twice is fine. */
  close(): void;
}
