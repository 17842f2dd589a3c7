import type { PresenceState } from '@shoal/registry-client';
import type { ReactNode } from 'react';
import type { SessionState } from '../../core/session-row.ts';
import type { StepState } from '../../core/step-card.ts';
import type { RiskClass } from '@shoal/device-tools';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'rest' | 'calm';

const PRESENCE: Readonly<Record<PresenceState, Tone>> = {
  online: 'good',
  suspect: 'warn',
  asleep: 'calm',
  offline: 'bad',
  unknown: 'rest',
};

const STATES: Readonly<Record<SessionState | StepState, Tone>> = {
  running: 'busy',
  approval: 'warn',
  paused: 'calm',
  canceling: 'warn',
  closing: 'busy',
  completed: 'good',
  failed: 'bad',
  canceled: 'rest',
  unknown: 'warn',
  skipped: 'rest',
  waiting: 'calm',
  retrying: 'warn',
  parked: 'calm',
  lost: 'bad',
  claimed: 'calm',
  pending: 'rest',
};

const WORDS: Readonly<Record<string, string>> = { approval: 'waits for approval' };

const RISKS: Readonly<Record<RiskClass, Tone>> = {
  read: 'good',
  reversible: 'warn',
  disruptive: 'bad',
  dangerous: 'bad',
};

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactNode {
  return (
    <span className={`badge tone-${tone}`}>
      <span className="dot" aria-hidden="true" />
      {children}
    </span>
  );
}

export function PresenceBadge({ state }: { readonly state: PresenceState }): ReactNode {
  return <Badge tone={PRESENCE[state]}>{state}</Badge>;
}

export function StateBadge({ state }: { readonly state: SessionState | StepState }): ReactNode {
  return <Badge tone={toneOf(state)}>{WORDS[state] ?? state}</Badge>;
}

export function toneOf(state: SessionState | StepState): Tone {
  return STATES[state];
}

export function presenceTone(state: PresenceState): Tone {
  return PRESENCE[state];
}

export function RiskBadge({ risk }: { readonly risk: RiskClass }): ReactNode {
  return <Badge tone={RISKS[risk]}>{risk}</Badge>;
}
