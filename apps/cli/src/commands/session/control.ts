import { sessionControl, type SessionControl, type SessionView } from '@shoal/workflow';
import { findSession } from '../../connection/sessions.ts';
import { whoActs } from '../../connection/who.ts';
import { CliError, usageError } from '../../errors.ts';
import { implement, type Implementation } from '../../program/leaf.ts';
import type { SessionChanged, SessionRerun } from '../../shapes/sessions.ts';

interface ControlFlags {
  readonly reason?: string;
  readonly step?: string;
  readonly by?: string;
  readonly until?: string;
  readonly for?: string;
  readonly item?: readonly string[];
  readonly failedItems?: boolean;
  readonly sessionId?: string;
  readonly repeatEffects?: boolean;
}

/** What a command does, once its flags are known to be right. */
type Act = (flags: ControlFlags) => (control: SessionControl, sessionId: string) => Promise<void>;

const ACTS: Readonly<Record<SessionChanged['action'], Act>> = {
  cancel:
    ({ reason }) =>
    (control, id) =>
      control.cancel(id, reason),
  pause:
    ({ reason }) =>
    (control, id) =>
      control.pause(id, reason),
  resume:
    ({ reason }) =>
    (control, id) =>
      control.resume(id, reason),
  approve: (flags) => (control, id) => control.approve(id, verdictOf(flags)),
  deny: (flags) => (control, id) => control.deny(id, verdictOf(flags)),
  purge: () => (control, id) => control.purge(id),
  extend: ({ step, reason, ...flags }) => {
    const untilMs = untilMsOf(flags);
    return (control, id) => control.extend(id, { untilMs, stepId: step, reason });
  },
};

const DONE: Readonly<Record<SessionChanged['action'], string>> = {
  cancel: 'is being canceled: waiting and running steps end, compensations still run',
  pause: 'is paused: no step begins, what runs goes on',
  resume: 'goes on',
  approve:
    'got the approval: what waited for it begins at once. It cannot be taken back; `shoal session cancel` ends what has not ended',
  deny: 'got the denial: it cannot be taken back; `shoal session rerun` begins again',
  purge: 'is being removed',
  extend: 'has more time',
};

function verdictOf({ step, reason }: ControlFlags) {
  return { ...(step === undefined ? {} : { stepId: step }), ...(reason === undefined ? {} : { reason }) };
}

function untilMsOf({ until, for: seconds }: Pick<ControlFlags, 'until' | 'for'>): number {
  if ((until === undefined) === (seconds === undefined)) throw usageError('give either --until or --for');
  const untilMs = until === undefined ? Date.now() + Number(seconds) * 1000 : Date.parse(until);
  if (Number.isFinite(untilMs)) return untilMs;
  throw usageError(
    until === undefined
      ? `--for must be a number of seconds, is "${seconds}"`
      : `--until must be a time as 2026-03-01T18:00:00Z, is "${until}"`,
  );
}

function itemsOf({ item, failedItems }: ControlFlags): { items?: 'failed' | readonly string[] } {
  if (item !== undefined && failedItems === true) throw usageError('give either --item or --failed-items');
  if (failedItems === true) return { items: 'failed' };
  return item === undefined ? {} : { items: item };
}

/** Its records would stay until it ends, whatever was said here. */
function assertEnded({ sessionId, outcome }: SessionView): void {
  if (outcome !== undefined) return;
  const short = sessionId.slice(0, 8);
  throw new CliError(
    'conflict',
    `session ${short} has not ended: \`shoal session cancel ${short}\` ends it`,
    {
      code: 'session-open',
    },
  );
}

export function control(action: SessionChanged['action']): Implementation {
  return implement<SessionChanged>({
    async run(context, [id = ''], given) {
      const flags = given as ControlFlags;
      const act = ACTS[action](flags);
      const by = whoActs(context, flags.by);
      const link = await context.connect();
      const view = await findSession(context, link, id);
      const { org, unit, sessionId } = view;
      if (action === 'purge') assertEnded(view);
      await act(sessionControl(link, { org, unit, by }), sessionId);
      return { org, unit, sessionId, action, by };
    },
    text: ({ org, unit, sessionId }) => `${org}/${unit}/${sessionId} ${DONE[action]}\n`,
  });
}

export const rerun = implement<SessionRerun>({
  async run(context, [id = '', from = ''], given) {
    const { sessionId: newId, repeatEffects, by, ...flags } = given as ControlFlags;
    const items = itemsOf(flags);
    const link = await context.connect();
    const { org, unit, sessionId } = await findSession(context, link, id);
    const taken = await context.waiting(
      'asking a supervisor',
      sessionControl(link, { org, unit, by: whoActs(context, by) }).rerun(sessionId, {
        from,
        ...items,
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
