import type { Group, Leaf, OptionSpec } from '../../program/leaf.ts';
import { COLLECT_OPTIONS } from '../collect-options.ts';

const BY: OptionSpec = { flags: '--by <name>', description: 'who acts; default the user name' };
const REASON: OptionSpec = { flags: '--reason <text>', description: 'why, for whoever reads the records' };
const STEP: OptionSpec = { flags: '--step <id>', description: 'which approval, when several are open' };

const act = (
  name: 'cancel' | 'pause' | 'resume' | 'approve' | 'deny' | 'purge',
  summary: string,
  options: readonly OptionSpec[],
  examples: readonly string[],
): Leaf => ({
  name,
  args: '<session>',
  summary,
  connects: true,
  shape: 'session.change',
  options,
  examples,
  load: async () => (await import('./control.ts')).control(name),
});

export const session: Group = {
  name: 'session',
  summary: 'the runs of workflows: see them and steer them',
  commands: [
    {
      name: 'list',
      summary: 'list sessions, the newest first',
      connects: true,
      shape: 'session.list',
      options: [
        {
          flags: '--state <state>',
          description: 'only in this state; may be repeated',
          repeat: true,
          choices: [
            'running',
            'paused',
            'input-required',
            'canceling',
            'completed',
            'failed',
            'canceled',
            'unknown',
          ],
        },
        { flags: '--workflow <id>', description: 'only of this workflow' },
        { flags: '--open', description: 'only those that are not closed' },
      ],
      examples: ['shoal session list --open', 'shoal session list --state failed --json | jq .sessions'],
      load: async () => (await import('./list.ts')).list,
    },
    {
      name: 'show',
      args: '<session>',
      summary: 'show one session: its steps, and why each stands where it stands',
      connects: true,
      shape: 'session.show',
      examples: ['shoal session show 79418a73', 'shoal session show 79418a73 --json | jq .task.artifacts'],
      load: async () => (await import('./show.ts')).show,
    },
    {
      name: 'watch',
      args: '<session>',
      summary: 'tell what happens in a session until it is closed',
      connects: true,
      shape: 'session.watch',
      streams: true,
      untilStopped: true,
      options: COLLECT_OPTIONS,
      examples: ['shoal session watch 79418a73', 'shoal session watch 79418a73 --jsonl'],
      load: async () => (await import('./watch.ts')).watch,
    },
    act(
      'cancel',
      'end a session: waiting and running steps, compensations still run',
      [REASON, BY],
      ['shoal session cancel 79418a73 --reason "wrong pump"'],
    ),
    {
      name: 'extend',
      args: '<session>',
      summary: 'give a session, a step or an approval more time',
      connects: true,
      shape: 'session.change',
      options: [
        { flags: '--until <time>', description: 'ISO 8601, as 2026-03-01T18:00:00Z' },
        { flags: '--for <seconds>', description: 'so long from now, instead of --until' },
        { flags: '--step <id>', description: 'only this step or approval; default the whole session' },
        REASON,
        BY,
      ],
      examples: [
        'shoal session extend 79418a73 --for 3600',
        'shoal session extend 79418a73 --step release --until 2026-03-01T18:00:00Z',
      ],
      load: async () => (await import('./control.ts')).control('extend'),
    },
    act('pause', 'begin no further step', [REASON, BY], ['shoal session pause 79418a73']),
    act('resume', 'go on after a pause', [REASON, BY], ['shoal session resume 79418a73']),
    act(
      'approve',
      'approve what a step asks for',
      [STEP, REASON, BY],
      ['shoal session approve 79418a73 --by n.okafor --reason "parts are in"'],
    ),
    act(
      'deny',
      'deny what a step asks for',
      [STEP, REASON, BY],
      ['shoal session deny 79418a73 --step release'],
    ),
    {
      name: 'rerun',
      args: '<session> <step>',
      summary: 'run again from a step on, as a new session; what came before keeps its results',
      connects: true,
      shape: 'session.rerun',
      options: [
        {
          flags: '--item <key>',
          description: 'of a fan-out only this item: its index, text, id or agentId; may be repeated',
          repeat: true,
        },
        { flags: '--failed-items', description: 'of a fan-out only the items that did not complete' },
        {
          flags: '--session-id <uuid>',
          description: 'of the new session; the same id again is the same re-run',
        },
        { flags: '--repeat-effects', description: 'also when a step that is not idempotent would act again' },
        BY,
      ],
      examples: [
        'shoal session rerun 79418a73 plan',
        'shoal session rerun 79418a73 update --failed-items',
        'shoal session rerun 79418a73 update --item pump-7',
      ],
      load: async () => (await import('./control.ts')).rerun,
    },
    act('purge', 'remove the records of a session that has ended', [BY], ['shoal session purge 79418a73']),
  ],
};
