/** The exit codes of every command; the table of the README is checked against this one. */
export const EXIT_CODES = {
  ok: { code: 0, when: 'it worked, and what was asked about is fine' },
  findings: {
    code: 1,
    when: 'it worked, and the answer is no: findings, a failed check, a failed benchmark',
  },
  usage: { code: 2, when: 'the command line, the configuration or a file cannot be used' },
  'not-found': { code: 3, when: 'no such agent, session, device, tool or card' },
  refused: { code: 4, when: 'the credential is not accepted, or may not do this' },
  unreachable: { code: 5, when: 'the broker cannot be reached, or the connection was lost' },
  timeout: { code: 6, when: 'no answer in time' },
  failed: {
    code: 7,
    when: 'the agent answered, and the task, session or tool failed, was rejected or canceled',
  },
  conflict: {
    code: 8,
    when: 'it is in no state for that: a session that has ended, an approval that is not open',
  },
  internal: { code: 70, when: 'a fault of this program' },
  interrupted: { code: 130, when: 'Ctrl-C; watching commands end with 0 instead' },
} as const satisfies Readonly<Record<string, { readonly code: number; readonly when: string }>>;

export type Outcome = keyof typeof EXIT_CODES;

export function exitCodeOf(outcome: Outcome): number {
  return EXIT_CODES[outcome].code;
}
