import { equal, ok } from 'node:assert/strict';
import type { ContractCase } from './contract-case.ts';
import { message } from './contract-case.ts';
import { setUp, assertAlive, assertRefused, assertBinding, send } from './refusals.ts';

export const malformedCases: readonly ContractCase[] = [
  {
    id: 'V19',
    title: 'a request without Response Topic is not executed and not answered',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      const exchange = client.request(echo.address, { ...send({}), responseTopic: null });
      await exchange.ack;
      await assertAlive(client, echo);
      equal(exchange.replies.length, 0);
      equal(echo.runs.length, 1);
    },
  },
  {
    id: 'V20',
    title: 'a request without Correlation Data is answered -32005 without one, and not executed',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      client.request(echo.address, { ...send({}), correlation: null });
      await assertAlive(client, echo);
      equal(echo.runs.length, 1);
      equal(client.unmatched.length, 1);
      equal(client.unmatched[0]?.error.code, -32005);
      assertBinding(client.unmatched[0]?.error, 'transport_protocol_error');
    },
  },
  ...[
    { id: 'V21', payload: '{nope', code: -32700 },
    { id: 'V22', payload: '[1]', code: -32600 },
    { id: 'V23', payload: '"x"', code: -32600 },
    { id: 'V23', payload: 'null', code: -32600 },
    { id: 'V23', payload: '', code: -32700 },
    { id: 'V23', payload: Buffer.from('fffe', 'hex'), code: -32700 },
    { id: 'V24', payload: '{"jsonrpc":"1.0","id":1,"method":"GetTask","params":{"id":"x"}}', code: -32600 },
    { id: 'V24', payload: '{"jsonrpc":"2.0","id":1}', code: -32600 },
  ].map(({ id, payload, code }): ContractCase => ({
    id,
    title: `the payload ${JSON.stringify(payload.toString())} is answered ${code}`,
    async run(setting) {
      await assertRefused(setting, { payload }, code);
    },
  })),
  ...[
    { id: 'V25', request: { method: 'Nope', params: {} }, code: -32601 },
    { id: 'V26', request: { method: 'message/send', params: {} }, code: -32601 },
    { id: 'V27', request: { method: 'SendMessage', params: [] }, code: -32602 },
    { id: 'V27', request: { method: 'CancelTask', params: [] }, code: -32602 },
    { id: 'V28', request: { method: 'SendMessage', params: { message: null } }, code: -32602 },
    { id: 'V28', request: send({ parts: undefined as never }), code: -32602 },
    { id: 'V28', request: send({ parts: [] }), code: -32602 },
    { id: 'V28', request: send({ role: undefined as never }), code: -32602 },
    { id: 'V28', request: send({ messageId: undefined as never }), code: -32602 },
    { id: 'V29', request: send({ parts: [{ text: 'a', data: 1 } as never] }), code: -32602 },
    { id: 'V30', request: send({ taskId: undefined as never }), code: -32005 },
    { id: 'V30', request: send({ taskId: 'not-a-uuid' }), code: -32005 },
    { id: 'V30', request: send({ taskId: '2c1d43b8-e3d7-11ee-951e-0242ac120002' }), code: -32005 },
  ].map(({ id, request, code }): ContractCase => ({
    id,
    title: `${JSON.stringify(request)
      .replace(/"[0-9a-f-]{36}"/g, '"…"')
      .slice(0, 120)} is answered ${code}`,
    async run(setting) {
      const error = await assertRefused(setting, request, code);
      if (code === -32005) assertBinding(error, 'transport_protocol_error');
      if (id === 'V28') ok(JSON.stringify(error.data).includes('fieldViolations'));
    },
  })),
  {
    id: 'V29 V30',
    title: 'data: null is content, and a task id may be in upper case',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      const nullData = await client.request(echo.address, send({ parts: [{ data: null }] })).next();
      equal(nullData.result.task?.status.state, 'TASK_STATE_COMPLETED');
      const taskId = '6F9619FF-8B86-4011-B42D-00C04FC964FF';
      const upper = await client.request(echo.address, send({ taskId })).next();
      equal(upper.result.task?.id, taskId);
      const { result } = await client
        .request(echo.address, { method: 'GetTask', params: { id: taskId.toLowerCase() } })
        .next();
      equal(result.id, taskId);
    },
  },
  {
    id: 'V31',
    title: 'snake_case ids are refused with -32005',
    async run(setting) {
      const { taskId, contextId, ...rest } = message('x');
      const wrong = { ...rest, task_id: taskId, context_id: contextId };
      await assertRefused(setting, { method: 'SendMessage', params: { message: wrong } }, -32005);
    },
  },
];
