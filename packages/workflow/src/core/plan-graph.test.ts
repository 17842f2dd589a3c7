import { expect, test } from 'vitest';
import { parseWorkflow } from './parse-workflow.ts';
import { planGraph } from './plan-graph.ts';

const workflow = parseWorkflow(`
id: rollout
description: x
triggers: [{ id: nightly, schedule: { cron: "0 3 * * *" } }]
steps:
  - { id: end, use: { skill: tell }, needs: [update, { step: ask, onFailure: continue }], join: any }
  - { id: ask, use: { approval: { prompt: "Go?" } } }
  - { id: update, use: { agent: "\${ item.agentId }" }, needs: [ask], when: 1 < 2, forEach: { select: { skill: pump } }, idempotent: false, onFailure: compensate, compensate: { use: { blueprint: back } } }
`);

test('the text has a line for each step, in the order in which they may run', () => {
  expect(planGraph(workflow).split('\n')).toEqual([
    'rollout 1.0.0',
    '! nightly: 0 3 * * *',
    '0  ask: approval',
    '1  update: agent ${ item.agentId } <- ask [for each of the agents with {"skill":"pump"}; when 1 < 2; acts once; on failure compensate; undone by blueprint back]',
    '2  end: skill tell <- update, ask (continue) [join any; closes]',
    '',
  ]);
});

test('the flowchart has a node for each step, an edge for each need, and no quote that would end a label', () => {
  const chart = planGraph(workflow, 'mermaid');
  expect(chart.split('\n')[0]).toBe('flowchart TD');
  expect(chart).toContain('s1{{"ask<br/>approval"}}');
  expect(chart).toContain('s1 -->|continue| s0');
  expect(chart).toContain('s2 -.->|compensate| s2u["blueprint back"]');
  expect(chart).toContain('{#quot;skill#quot;:#quot;pump#quot;}');
  expect(chart).toContain('1 #lt; 2');
});
