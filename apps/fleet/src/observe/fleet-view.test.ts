import { describe, expect, it } from 'vitest';
import type { SessionRecord, StepResult, StepStatus } from '@shoal/protocol';
import { FleetView, type Fact } from './fleet-view.ts';

const sessionId = '0e1f7c4e-8a3b-4c57-9d8f-5a8d1b2c3d4e';
const at = '2026-03-02T10:20:00.000Z';
const session: Fact = {
  kind: 'session',
  record: {
    sessionId,
    workflowId: 'predictive-maintenance',
    createdAt: at,
    variables: {
      deviceId: 'pump-03',
      agentId: 'pump-03',
      detectedAt: at,
      evidence: {
        score: 4.2,
        channels: [
          {
            channel: 'vibration1',
            value: 0.4213,
            unit: 'g',
            normalLow: 0.2,
            normalHigh: 0.25,
            deviation: 18.04,
          },
        ],
      },
    },
    steps: [
      { id: 'diagnose', needs: [] },
      { id: 'plan', needs: [{ step: 'diagnose', onFailure: 'fail' }] },
    ],
  } as unknown as SessionRecord,
};
const status = (attempt: number, state: string): Fact => ({
  kind: 'status',
  record: { sessionId, stepId: 'diagnose', attempt, state } as StepStatus,
});
const result: Fact = {
  kind: 'result',
  record: {
    sessionId,
    stepId: 'diagnose',
    attempt: 2,
    state: 'completed',
    output: {},
    summary: 'inner-race',
    at,
  } as StepResult,
};

describe('the fleet view', () => {
  it('tells of the anomaly with its evidence when the session appears', () => {
    const lines = new FleetView(at).observe(session, at);
    expect(lines.map(({ topic, subject, text }) => [topic, subject, text])).toEqual([
      ['anomaly', 'pump-03', 'vibration1 0.421 g, normal 0.2 to 0.25, 18.0 spreads off'],
      ['request', 'pump-03', 'its agent asks predictive-maintenance: session 0e1f7c4e, 2 steps'],
    ]);
  });

  it('tells of a death, the respawn and the hand-over, each once', () => {
    const view = new FleetView(at);
    view.observe(session, at);
    const attempt2: Fact = {
      kind: 'attempt',
      record: {
        schemaVersion: 1,
        sessionId,
        stepId: 'diagnose',
        attempt: 2,
        claimId: 'c',
        supervisorId: 'sup',
        at,
      },
    };
    const facts = [
      status(1, 'running'),
      status(1, 'lost'),
      status(1, 'lost'),
      attempt2,
      status(2, 'running'),
      result,
      result,
    ];
    expect(facts.flatMap((fact) => view.observe(fact, at)).map(({ topic }) => topic)).toEqual([
      'step',
      'lost',
      'respawn',
      'step',
      'result',
      'hand-over',
    ]);
    expect(view.sessions()[0]?.steps[0]).toMatchObject({ id: 'diagnose', state: 'completed', attempts: 2 });
  });

  it('ignores the will of a superseded attempt', () => {
    const view = new FleetView(at);
    view.observe(session, at);
    view.observe(status(2, 'running'), at);
    expect(view.observe(status(1, 'lost'), at)).toEqual([]);
  });

  it('shows the same to a viewer that hears of the steps before the plan', () => {
    const view = new FleetView(at);
    expect(view.observe(result, at)).toEqual([]);
    expect(view.observe(session, at).map(({ topic }) => topic)).toEqual([
      'anomaly',
      'request',
      'result',
      'hand-over',
    ]);
  });

  it('leaves out the sessions of an earlier run', () => {
    expect(new FleetView('2026-03-02T10:20:00.001Z').observe(session, at)).toEqual([]);
  });

  it('says once that an agent is online, and offline only after it was online', () => {
    const view = new FleetView(at);
    const presence = (state: string): Fact => ({
      kind: 'presence',
      agentId: 'pump-01',
      role: 'device',
      state,
      source: 'broker',
    });
    const topics = ['offline', 'online', 'online', 'offline']
      .flatMap((state) => view.observe(presence(state), at))
      .map((line) => line.topic);
    expect(topics).toEqual(['online', 'offline']);
  });

  it('tells once what a model decided, or why it did not, and leaves out what an earlier run asked', () => {
    const view = new FleetView(at);
    const decision = (reasoningId: string, change: object): Fact => ({
      kind: 'reasoning',
      record: {
        schemaVersion: 1,
        reasoningId,
        agentId: `${sessionId}.work-order`,
        sessionId,
        stepId: 'work-order',
        purpose: 'work-order-note',
        decidedBy: 'model',
        model: 'llama/small.gguf',
        promptHash: '0'.repeat(64),
        inputTokens: 200,
        outputTokens: 20,
        costUsd: 0,
        calls: 1,
        decision: { text: 'Bring bearing 6205.' },
        durationMs: 1_234,
        at,
        ...change,
      },
    });
    const late = {
      decidedBy: 'rules',
      decision: { text: 'written' },
      error: { code: 'timed-out', message: 'not in 40 s' },
    };
    const facts = [
      decision('r1', {}),
      decision('r1', {}),
      decision('r2', late),
      decision('r3', { at: '2026-03-02T10:19:59.000Z' }),
    ];
    expect(facts.flatMap((fact) => view.observe(fact, at)).map(({ text }) => text)).toEqual([
      'work-order-note by llama/small.gguf (220 tokens, 1.2 s): {"text":"Bring bearing 6205."}',
      'work-order-note: rules decided, not llama/small.gguf (timed-out; 220 tokens, 1.2 s)',
    ]);
    const { reasoning } = view.report({} as never);
    expect(reasoning).toMatchObject([
      { stepId: 'work-order', by: 'model', tokens: 220, seconds: 1.2, error: null },
      { stepId: 'work-order', by: 'rules', error: { code: 'timed-out' } },
    ]);
  });
});
