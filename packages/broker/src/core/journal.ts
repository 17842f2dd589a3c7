import type { Message } from './message.ts';
import type { Delivery, Session, Subscription, Will } from './session.ts';
import { NO_STAKE, type Stake } from './stake.ts';

/** Records what must survive the process. Every call belongs to the batch that is committed next; none waits. */
export interface Journal {
  /** How much was recorded so far: an acknowledgement has to wait only for a step that recorded something. */
  readonly changes: number;
  /** What is recorded from here to `endStep` is what one acknowledgement waits for. */
  beginStep(): Stake;
  endStep(): void;
  retained(topic: string, message: Message | undefined): void;
  /** A session that outlives its connection: as new, or after a change of its expiry or of being connected. */
  session(session: Session): void;
  sessionEnded(session: Session): void;
  will(session: Session, will: Will | undefined): void;
  subscription(session: Session, key: string, subscription: Subscription | undefined): void;
  /** Also after its packet identifier or state changed. */
  delivery(session: Session, delivery: Delivery): void;
  /** `moved`: another session has it now. */
  delivered(session: Session, delivery: Delivery, moved?: boolean): void;
  inboundId(session: Session, packetId: number, present: boolean): void;
}

const nothing = (): void => undefined;

/** Keeps nothing: for a broker whose state lives and dies with it. */
export const noJournal: Journal = {
  changes: 0,
  beginStep: () => NO_STAKE,
  endStep: nothing,
  retained: nothing,
  session: nothing,
  sessionEnded: nothing,
  will: nothing,
  subscription: nothing,
  delivery: nothing,
  delivered: nothing,
  inboundId: nothing,
};
