import type { Link, Logger } from '@shoal/mqtt-link';
import type { RecordError, SessionRecord, StepResultState } from '@shoal/protocol';
import type { ActiveStep } from '../core/active-step.ts';
import type { SessionView } from '../core/view.ts';
import type { StepOrder } from '../types/order.ts';
import type { StepVoice } from './step-voice.ts';

/** A supervisor that ends a step in its instance's place, and what it writes where the records leave the end open. */
export interface StandIn {
  readonly state: StepResultState;
  readonly error: RecordError;
  readonly supervisorId: string;
}

/** One attempt of one step over its fenced link: what the pieces of an instance share. */
export interface Attempt {
  readonly link: Link;
  readonly order: StepOrder;
  readonly session: SessionRecord;
  readonly active: ActiveStep;
  readonly voice: StepVoice;
  readonly view: () => SessionView;
  /** Resolves when whatever the broker held at the call is in the view. */
  readonly sync: () => Promise<SessionView>;
  readonly now: () => number;
  readonly logger: Logger;
  readonly standIn?: StandIn;
  /** What readers of the result should know. */
  readonly flags: Set<string>;
}
