import { existsSync } from 'node:fs';
import { createReplyRouter, isLinkError, openLink, type Link, type ReplyRouter } from '@shoal/mqtt-link';
import { startCollector, type CollectedSpan, type Collector } from '@shoal/observability/testing';
import {
  deviceTopics,
  discoveryTopic,
  replyTopic,
  requestTopic,
  sessionTopics,
  type JsonRpcError,
} from '@shoal/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askStatus } from './ask-status.ts';
import { startFleetWith, type RunningFleet } from './running-fleet.ts';
import { callThroughGateway } from './through-gateway.ts';

const unit = { org: 'acme', unit: 'plant-1' };
const self = { ...unit, agentId: 'test-rogue' };
const pump = { ...unit, agentId: 'pump-01' };
const workflow = { ...unit, agentId: 'predictive-maintenance' };
const TASK_ID = 'b6a5a1f0-3b57-4b0e-9d1f-0d6f0c1a2b3c';

describe.skipIf(!existsSync('/proc/self/environ'))(
  'a fleet that is sent nonsense',
  { timeout: 60_000 },
  () => {
    let fleet: RunningFleet;
    let link: Link;
    let router: ReplyRouter;
    let url = '';
    let processes: readonly number[];
    let collector: Collector;
    const traced = (): NodeJS.ProcessEnv => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    });

    beforeAll(async () => {
      collector = await startCollector();
      fleet = startFleetWith(traced(), '--models', '--devices', '2', '--speed', '20');
      url = await fleet.url();
      await fleet.untilLog(/all 2 device agents are online/);
      link = await openLink({ url, clientId: 'acme/plant-1/test-rogue' });
      router = createReplyRouter(link, { replyTopic: replyTopic(self, 'x1') });
      processes = pids();
    }, 60_000);

    afterAll(async () => {
      await link.close();
      fleet.child.kill('SIGINT');
      const { code, report } = await fleet.done;
      await collector.stop();
      expect({ code, restarts: report.restarts }).toEqual({ code: 0, restarts: [] });
    }, 60_000);

    const pids = (): readonly number[] =>
      fleet
        .processes()
        .map(({ pid }) => pid)
        .toSorted((a, b) => a - b);

    it('continues the trace of a client on HTTP through the gateway to the agent of a device', async () => {
      const outside = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
      await callThroughGateway(url, 'pump-01', { ...traced(), traceparent: outside });
      const chain = (): readonly (CollectedSpan | undefined)[] => {
        const spans = collector.spans.filter(({ traceId }) => traceId === outside.traceId);
        const below = (parent: CollectedSpan | undefined, service: string): CollectedSpan | undefined =>
          spans.find((span) => span.parentSpanId === (parent?.spanId ?? '') && span.service === service);
        const http = spans.find(({ parentSpanId }) => parentSpanId === outside.spanId);
        const call = below(http, 'shoal-gateway');
        return [http, call, below(call, 'shoal-spawned')];
      };
      // The gateway has sent its spans when it has ended, the agent does so a little later.
      await expect
        .poll(() => chain().map((span) => span && [span.kind, span.service]))
        .toEqual([
          ['server', 'shoal-gateway'],
          ['client', 'shoal-gateway'],
          ['server', 'shoal-spawned'],
        ]);
      const [http, call, run] = chain();
      expect(http?.name).toBe('POST agent');
      expect(call?.name).toBe(run?.name);
      expect(run?.attributes['a2a.task.state']).toBe('TASK_STATE_COMPLETED');
    });

    async function ask(target: typeof pump, payload: string): Promise<JsonRpcError> {
      const request = router.request(requestTopic(target), payload);
      for await (const reply of request.replies) {
        request.close();
        return (JSON.parse(reply.text()) as { error: JsonRpcError }).error;
      }
      throw new Error('no reply');
    }

    const message = (fields: object): string =>
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { message: fields } });

    it.each([
      ['text that is not JSON', '{nope', -32_700, /JSON/],
      ['a list', '[1]', -32_600, /./],
      [
        'an unknown method',
        '{"jsonrpc":"2.0","id":1,"method":"message/send","params":{}}',
        -32_601,
        /message\/send/,
      ],
      [
        'a message without parts',
        message({ messageId: 'm', role: 'ROLE_USER', taskId: TASK_ID }),
        -32_602,
        /parts/,
      ],
      [
        'a part with two contents',
        message({ messageId: 'm', role: 'ROLE_USER', taskId: TASK_ID, parts: [{ text: 'a', url: 'b' }] }),
        -32_602,
        /parts\[0\]/,
      ],
      [
        'a task id that is none',
        message({ messageId: 'm', role: 'ROLE_USER', taskId: 'x', parts: [{ text: 'a' }] }),
        -32_005,
        /taskId/,
      ],
    ])('answers %s with an error that names what is wrong', async (_, payload, code, says) => {
      const error = await ask(pump, payload);
      expect(error.code).toBe(code);
      expect(JSON.stringify(error)).toMatch(says);
    });

    it('answers a workflow request that lacks a variable with its name', async () => {
      const error = await ask(
        workflow,
        message({
          messageId: 'm',
          role: 'ROLE_USER',
          taskId: TASK_ID,
          parts: [{ data: { deviceId: 'pump-01' } }],
        }),
      );
      expect(error.code).toBe(-32_602);
      expect(JSON.stringify(error)).toMatch(/agentId/);
    });

    it.each([
      ['no JSON', '{nope'],
      ['a card without skills', JSON.stringify({ name: 'x', description: 'x', version: '1' })],
    ])('has the broker refuse a card that is %s, with a reason', async (_, card) => {
      const refused = await link
        .publish(discoveryTopic(self), card, { retain: true })
        .catch((error: unknown) => error);
      if (!isLinkError(refused, 'publish-refused'))
        throw new Error(`not refused: ${JSON.stringify(refused)}`);
      expect(refused.reasonString).toMatch(/JSON|supportedInterfaces|skills/);
    });

    it('counts malformed telemetry and goes on', async () => {
      const { telemetry } = deviceTopics({ ...unit, deviceId: 'pump-01' });
      const before = await askStatus(url, 'pump-01');
      for (const payload of [
        '{nope',
        '[]',
        '{"schemaVersion":1,"deviceId":"pump-01"}',
        new Uint8Array([0xff, 0xfe]),
      ])
        await link.publish(telemetry, payload);
      const after = await askStatus(url, 'pump-01');
      expect(after.telemetry.malformed).toBe(before.telemetry.malformed + 4);
    });

    it('ignores malformed records of sessions', async () => {
      const topics = sessionTopics({ ...unit, sessionId: TASK_ID });
      const step = topics.step('diagnose');
      for (const topic of [
        topics.session,
        topics.outcome,
        topics.control,
        topics.caller('abc'),
        step.attempt,
        step.status,
        step.result,
        step.intent,
      ])
        for (const payload of ['{nope', '[]', '{"schemaVersion":99}'])
          await link.publish(topic, payload, { retain: true, messageExpirySeconds: 60 });
      const desired = 'shoal/v1/acme/plant-1/agent/pump-01/desired';
      await link.publish(`${desired}x`, '{nope', { retain: true, messageExpirySeconds: 60 });
      expect((await askStatus(url, 'pump-01')).phase).toMatch(/learning|judging/);
    });

    it('keeps every process through all of it', () => {
      expect(pids()).toEqual(processes);
    });
  },
);
