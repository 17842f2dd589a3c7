import type { SessionView } from '@shoal/workflow';
import { useState, type ReactNode } from 'react';
import { clock } from '../../core/format.ts';
import { extendable, untilOf } from '../../core/more-time.ts';
import { useConsole, useNow } from '../hooks.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Choice, Field } from '../parts/field.tsx';

interface MoreTimeProps {
  readonly view: SessionView;
  /** The step that is looked at, or an item of it: it is what gets the time, while it is open. */
  readonly selected: string | undefined;
  readonly onClose: () => void;
}

const SESSION = '';

/** Asks what gets more time, and until when. Time is only ever given, never taken. */
export function MoreTime({ view, selected, onClose }: MoreTimeProps): ReactNode {
  const { control } = useConsole();
  const now = useNow();
  // What can be chosen stays while somebody chooses; what has ended meanwhile is refused when it is sent.
  const [targets] = useState(() => extendable(view));
  const [chosen, setChosen] = useState(
    () => targets.find(({ stepId }) => stepId === selected)?.stepId ?? SESSION,
  );
  const [minutes, setMinutes] = useState('60');
  const stepId = chosen === SESSION ? undefined : chosen;
  const target = targets.find((each) => each.stepId === stepId);
  const has = target?.untilMs === undefined ? undefined : new Date(target.untilMs).toISOString();
  const text = (
    <>
      <Choice
        label="For"
        value={chosen}
        options={targets.map((each) => [each.stepId ?? SESSION, each.label] as const)}
        onChange={setChosen}
      />
      <Field
        label="Minutes from now"
        type="number"
        required
        value={minutes}
        onChange={setMinutes}
        help={
          has === undefined
            ? 'Each of its attempts has what the plan says.'
            : `It has until ${clock(has, now)}.`
        }
      />
      <p>It cannot be taken back.</p>
    </>
  );
  return (
    <Confirm
      question={{
        title: 'Give more time?',
        text,
        action: 'Give more time',
        reason: true,
        onYes: async (reason) =>
          control.extend(view.sessionId, { untilMs: untilOf(minutes, Date.now()), stepId, reason }),
      }}
      onClose={onClose}
    />
  );
}
