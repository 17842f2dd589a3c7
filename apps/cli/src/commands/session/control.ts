import { sessionControl, type SessionControl } from '@shoal/workflow';
import { findSession } from '../../connection/sessions.ts';
import { whoActs } from '../../connection/who.ts';
import { implement, type Implementation } from '../../program/leaf.ts';
import type { SessionChanged, SessionRerun } from '../../shapes/sessions.ts';

interface ControlFlags {
  readonly reason?: string;
  readonly step?: string;
  readonly by?: string;
  readonly from?: string;
  readonly sessionId?: string;
  readonly repeatEffects?: boolean;
}

type Act = (control: SessionControl, sessionId: string, flags: ControlFlags) => Promise<void>;

const ACTS: Readonly<Record<SessionChanged['action'], Act>> = {
  cancel: (control, id, { reason }) => control.cancel(id, reason),
  pause: (control, id, { reason }) => control.pause(id, reason),
  resume: (control, id, { reason }) => control.resume(id, reason),
  approve: (control, id, flags) => control.approve(id, verdictOf(flags)),
  deny: (control, id, flags) => control.deny(id, verdictOf(flags)),
  purge: (control, id) => control.purge(id),
};

const DONE: Readonly<Record<SessionChanged['action'], string>> = {
  cancel: 'is being canceled: waiting and running steps end, compensations still run',
  pause: 'is paused: no step begins, what runs goes on',
  resume: 'goes on',
  approve: 'got the approval',
  deny: 'got the denial',
  purge: 'is being removed',
};

function verdictOf({ step, reason }: ControlFlags) {
  return { ...(step === undefined ? {} : { stepId: step }), ...(reason === undefined ? {} : { reason }) };
}

export function control(action: SessionChanged['action']): Implementation {
  return implement<SessionChanged>({
    async run(context, [id = ''], given) {
      const flags = given as ControlFlags;
      const by = whoActs(context, flags.by);
      const link = await context.connect();
      const { org, unit, sessionId } = await findSession(context, link, id);
      await ACTS[action](sessionControl(link, { org, unit, by }), sessionId, flags);
      return { org, unit, sessionId, action, by };
    },
    text: ({ org, unit, sessionId }) => `${org}/${unit}/${sessionId} ${DONE[action]}\n`,
  });
}

export const rerun = implement<SessionRerun>({
  async run(context, [id = ''], given) {
    const { from = '', sessionId: newId, repeatEffects, by } = given as ControlFlags;
    const link = await context.connect();
    const { org, unit, sessionId } = await findSession(context, link, id);
    const taken = await context.waiting(
      'asking a supervisor',
      sessionControl(link, { org, unit, by: whoActs(context, by) }).rerun(sessionId, {
        from,
        ...(newId === undefined ? {} : { sessionId: newId }),
        ...(repeatEffects === undefined ? {} : { repeatEffects }),
      }),
    );
    const task = 'status' in taken ? taken : undefined;
    return {
      org,
      unit,
      sessionId: task?.id ?? newId ?? '',
      of: sessionId,
      from,
      state: task?.status.state ?? 'TASK_STATE_UNSPECIFIED',
    };
  },
  text: ({ org, unit, sessionId, from }) => `${org}/${unit}/${sessionId} runs again from ${from}\n`,
  outcome: ({ state }) => (/FAILED|REJECTED|CANCELED/.test(state) ? 'failed' : 'ok'),
});
