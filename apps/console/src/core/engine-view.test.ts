import type { AgentAttempt, DesiredState, ReasoningRecord } from '@shoal/protocol';
import { planOf, viewOf } from '@shoal/workflow/testing';
import { describe, expect, it } from 'vitest';
import { decisionRows, desiredRows, hostRows, modelUse, waitingApprovals } from './engine-rows.ts';
import { applyEngineRecord, emptyEngine } from './engine-view.ts';

const UNIT = 'shoal/v1/acme/plant-1';
const AT = '2026-03-01T10:00:00.000Z';
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function viewWith(records: Readonly<Record<string, unknown>>): ReturnType<typeof emptyEngine> {
  const view = emptyEngine();
  for (const [path, record] of Object.entries(records))
    expect(applyEngineRecord(view, `${UNIT}/${path}`, encode(record))).toBeUndefined();
  return view;
}

function desired(agentId: string, state: DesiredState['state']): DesiredState {
  return { schemaVersion: 1, agentId, blueprint: 'device-agent', state };
}

function claim(agentId: string, quickDeaths: number): AgentAttempt {
  return { schemaVersion: 1, agentId, attempt: 4, claimId: 'c', supervisorId: 's-1', quickDeaths, at: AT };
}

describe('what keeps a unit going', () => {
  it('says of each wanted agent how it stands, and puts what is not as wanted first', () => {
    const view = viewWith({
      'agent/pump-1/desired': desired('pump-1', 'running'),
      'agent/pump-2/desired': desired('pump-2', 'running'),
      'agent/pump-3/desired': desired('pump-3', 'running'),
      'agent/pump-4/desired': desired('pump-4', 'running'),
      'agent/pump-5/desired': desired('pump-5', 'stopped'),
      'agent/pump-2/attempt': claim('pump-2', 0),
      'agent/pump-3/attempt': claim('pump-3', 5),
    });
    const rows = desiredRows(view, (agentId) => agentId === 'pump-1' || agentId === 'pump-5');
    expect(rows.map(({ agentId, standing }) => [agentId, standing])).toEqual([
      ['pump-2', 'starting'],
      ['pump-3', 'crash loop'],
      ['pump-4', 'missing'],
      ['pump-5', 'still there'],
      ['pump-1', 'as wanted'],
    ]);
  });

  it('forgets what was removed, keeps nothing that is malformed, and says which record that was', () => {
    const view = viewWith({ 'agent/pump-1/desired': desired('pump-1', 'running') });
    const topic = `${UNIT}/agent/pump-1/desired`;
    expect(applyEngineRecord(view, topic, encode({ agentId: 7 }))).toContain(topic);
    expect(view.desired.size).toBe(0);
    expect(applyEngineRecord(view, topic, encode(desired('pump-1', 'running')))).toBeUndefined();
    applyEngineRecord(view, topic, new Uint8Array());
    expect(view.desired.size).toBe(0);
  });

  it('takes a host for silent after three times as long as it said it would be', () => {
    const host = {
      schemaVersion: 1,
      hostId: 'edge-7',
      incarnation: 'i',
      state: 'ready',
      labels: {},
      capacity: 4,
      running: 1,
      shares: true,
      version: '1.0.0',
      refreshSeconds: 10,
      at: AT,
    };
    const view = viewWith({ 'host/edge-7': host });
    expect(hostRows(view, Date.parse(AT) + 29_000)[0]?.silent).toBe(false);
    expect(hostRows(view, Date.parse(AT) + 31_000)[0]?.silent).toBe(true);
  });

  it('adds up what models cost today, and finds the decisions of a step', () => {
    const use = (agentId: string, tokens: number) => ({
      schemaVersion: 1,
      agentId,
      scope: 'day',
      scopeId: '2026-03-01',
      calls: 1,
      tokens,
      costUsd: 0.01,
      at: AT,
    });
    const decision: ReasoningRecord = {
      schemaVersion: 1,
      reasoningId: 'r1',
      agentId: 'a',
      sessionId: 's1',
      stepId: 'diagnose',
      purpose: 'weigh',
      decidedBy: 'rules',
      promptHash: 'a'.repeat(64),
      inputTokens: 0,
      outputTokens: 0,
      costUsd: 0,
      calls: 0,
      durationMs: 1,
      at: AT,
    };
    const view = viewWith({
      'usage/day/2026-03-01/a': use('a', 10),
      'usage/day/2026-03-01/b': use('b', 20),
      'usage/day/2026-02-28/a': { ...use('a', 99), scopeId: '2026-02-28' },
      'agent/a/reasoning/r1': decision,
    });
    expect(modelUse(view, '2026-03-01').map(({ agentId }) => agentId)).toEqual(['b', 'a']);
    expect(decisionRows(view, { sessionId: 's1', stepId: 'diagnose' })).toHaveLength(1);
    expect(decisionRows(view, { sessionId: 's1', stepId: 'plan' })).toHaveLength(0);
  });

  it('lists the approvals that wait, what ends first before the others', () => {
    const plan = planOf(`
id: flow
description: A test.
steps:
  - { id: one, use: { approval: { prompt: "First?" } } }
  - { id: two, use: { approval: { prompt: "Second?", approvers: [lea] } } }
`);
    const asked = (stepId: string, prompt: string, expiresAt: string, approvers?: string[]) => ({
      approval: {
        schemaVersion: 1 as const,
        sessionId: plan.sessionId,
        stepId,
        attempt: 1,
        claimId: 'c',
        prompt,
        ...(approvers === undefined ? {} : { approvers }),
        at: AT,
        expiresAt,
      },
    });
    const view = viewOf(plan, {
      one: asked('one', 'First?', '2026-03-01T12:00:00.000Z'),
      two: asked('two', 'Second?', '2026-03-01T11:00:00.000Z', ['lea']),
    });
    expect(waitingApprovals([view]).map(({ stepId, approvers }) => [stepId, approvers])).toEqual([
      ['two', ['lea']],
      ['one', []],
    ]);
  });
});
