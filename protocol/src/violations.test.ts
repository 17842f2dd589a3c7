import { describe, expect, it } from 'vitest';
import { describeViolations, validateDocument, type DocumentName } from './index.ts';

const definition = { id: 'w', description: 'd', steps: [{ id: 's', use: { agent: 'x' } }] };

function step(extra: object): object {
  return { ...definition, steps: [{ ...definition.steps[0], ...extra }] };
}

describe('what is said of a field', () => {
  it.each<[string, DocumentName, unknown, string]>([
    ['missing', 'SubscribeToTaskRequest', {}, 'id is required: add it'],
    ['of another type', 'SubscribeToTaskRequest', { id: 7 }, 'id must be a string, is a number'],
    ['null', 'SubscribeToTaskRequest', { id: null }, 'id must be a string, is null'],
    [
      'of several types',
      'JsonRpcRequest',
      { jsonrpc: '2.0', method: 'm', id: [] },
      'id must be a string or an integer, is an array',
    ],
    ['the document itself', 'Task', 'x', 'document must be an object, is a string'],
    ['a constant', 'JsonRpcRequest', { jsonrpc: 2, method: 'm', id: 1 }, 'jsonrpc must be "2.0", is 2'],
    [
      'too small',
      'WorkflowDefinition',
      step({ join: { atLeast: 0 } }),
      'steps[0].join.atLeast must be at least 1, is 0',
    ],
    ['too large', 'ListTasksRequest', { pageSize: 101 }, 'pageSize must be at most 100, is 101'],
    [
      'not more than a bound',
      'WorkflowDefinition',
      step({ timeoutSeconds: 0 }),
      'steps[0].timeoutSeconds must be more than 0, is 0',
    ],
    [
      'unknown',
      'WorkflowDefinition',
      step({ timeout: 1 }),
      'steps[0].timeout is not known here: remove it or correct its name',
    ],
    [
      'one too many',
      'WorkflowDefinition',
      step({ use: { agent: 'a', skill: 's' } }),
      'steps[0].use may have at most 1 entry',
    ],
    [
      'of a wrong name',
      'WorkflowDefinition',
      { ...definition, variables: { 'a b': {} } },
      'variables["a b"] has a name that must match ^[A-Za-z_][A-Za-z0-9_]*$; is "a b"',
    ],
    [
      'of none of several kinds',
      'WorkflowDefinition',
      step({ needs: [5] }),
      'steps[0].needs[0] must be a string, is a number',
    ],
    [
      'of one of several kinds, and broken',
      'WorkflowDefinition',
      step({ needs: [{ step: 'a', onFail: 'x' }] }),
      'steps[0].needs[0].onFail is not known here: remove it or correct its name',
    ],
    [
      'not an identifier',
      'WorkflowDefinition',
      { ...definition, id: 'a b' },
      'id must be an identifier of A-Z a-z 0-9 _ . - only; is "a b"',
    ],
    [
      'not a time',
      'ListTasksRequest',
      { statusTimestampAfter: 'noon' },
      'statusTimestampAfter must be a time like 2026-01-31T08:00:00.000Z; is "noon"',
    ],
  ])('that is %s', (_name, type, document, message) => {
    const result = validateDocument(type, document);
    expect(result.ok ? '' : describeViolations(result.violations)).toBe(message);
  });
});
