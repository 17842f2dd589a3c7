import { readFileSync } from 'node:fs';
import { createBroker } from '@shoal/broker';
import { createRequester } from '@shoal/agent-sdk';
import { createGateway } from '@shoal/gateway';
import { openLink } from '@shoal/mqtt-link';
import { startObservability } from '@shoal/observability';
import { createHost, createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow } from '@shoal/workflow';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parse } from 'yaml';

const read = (file: string): string =>
  readFileSync(new URL(`../../../deploy/observability/${file}`, import.meta.url), 'utf8');

/** Every `name{` or bare name of an expression that is no function, label or keyword of PromQL. */
function metricsIn(expression: string): readonly string[] {
  return [...expression.matchAll(/\b(shoal_|a2a_|http_server_|nodejs_|process_)[a-z0-9_]+/g)]
    .map(([name]) => name)
    .filter((name) => !LABELS.has(name));
}
const LABELS = new Set(['a2a_method', 'http_response_status_code', 'http_request_method']);

const where = { org: 'acme', unit: 'plant-1' };
const closers: (() => Promise<unknown>)[] = [];
const exported = new Set<string>();

/** Real processes' parts, in this one: a broker with its endpoint, a supervisor, a host and a gateway, and one session run over them. */
beforeAll(async () => {
  const env = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
  const observability = await startObservability({ env });
  closers.push(async () => observability?.shutdown());
  const broker = createBroker({
    allowAnonymous: true,
    listen: { tcp: { port: 0 }, http: { port: 0, publicMetrics: true } },
  });
  const { tcp, http } = await broker.start();
  closers.push(() => broker.stop());
  const url = tcp?.url ?? '';
  const work = defineBlueprint({
    id: 'work',
    description: 'Works.',
    run: () => Promise.resolve({ output: 1 }),
  });
  const spawner = inProcessSpawner({ url, blueprints: [work] });
  closers.push(() => spawner.stop());
  const supervisor = createSupervisor({
    url,
    ...where,
    spawner,
    workflows: [
      parseWorkflow(
        'id: flow\nname: Flow\ndescription: Works.\nsteps:\n  - id: a\n    use: { blueprint: work }\n',
        { file: 'flow.yaml' },
      ),
    ],
  });
  await supervisor.start();
  closers.push(() => supervisor.stop());
  const host = createHost({ url, ...where, hostId: 'host-1', spawner });
  await host.start();
  closers.push(() => host.stop());
  const gateway = createGateway({ url, ...where, port: 0 });
  await gateway.start();
  closers.push(() => gateway.stop({ graceMs: 0 }));
  await fetch(`${gateway.url}/agents`);
  const link = await openLink({ url, clientId: 'acme/plant-1/me' });
  closers.push(() => link.close());
  const requester = createRequester({ link, address: { ...where, agentId: 'me' } });
  closers.push(() => requester.close());
  await requester.send({ ...where, agentId: 'flow' }, 'go');
  const pages = [observability?.metricsUrl ?? '', `${http?.url}/metrics`];
  const names = async (): Promise<ReadonlySet<string>> => {
    for (const page of pages)
      for (const [, name = ''] of (await (await fetch(page)).text()).matchAll(/^([a-z][a-z0-9_]*)[ {]/gm))
        exported.add(name);
    return exported;
  };
  // The last record of the session may still be on its way to the supervisor.
  await vi.waitFor(async () => expect(await names()).toContain('shoal_session_duration_count'), 15_000);
}, 30_000);
afterAll(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Exported only once there is something to count: a retry, a task of an agent that has the SDK. */
const ONLY_WHEN_IT_HAPPENS = new Set(['a2a_server_tasks_active', 'shoal_broker_card_rejections_total']);

const unknown = (expressions: readonly string[]): readonly string[] =>
  expressions.flatMap(metricsIn).filter((name) => !exported.has(name) && !ONLY_WHEN_IT_HAPPENS.has(name));

it('the board asks for nothing that is not exported', () => {
  const { panels } = JSON.parse(read('grafana-shoal.json')) as {
    readonly panels: readonly { readonly title: string; readonly targets?: readonly { expr: string }[] }[];
  };
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  expect(expressions.length).toBeGreaterThan(20);
  expect(expressions.filter((expression) => metricsIn(expression).length === 0)).toEqual([]);
  expect(unknown(expressions)).toEqual([]);
});

it('the alert rules ask for nothing that is not exported, and each says what to do', () => {
  const { groups } = parse(read('alerts.yaml')) as {
    readonly groups: readonly {
      readonly rules: readonly {
        readonly alert: string;
        readonly expr: string;
        readonly labels: { readonly severity: string };
        readonly annotations: { readonly summary: string; readonly action: string };
      }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(8);
  expect(unknown(rules.map(({ expr }) => expr))).toEqual([]);
  for (const { alert, labels, annotations } of rules) {
    expect(alert).toMatch(/^Shoal[A-Z]/);
    expect(['warning', 'critical']).toContain(labels.severity);
    expect(annotations.summary.length).toBeGreaterThan(10);
    expect(annotations.action.length).toBeGreaterThan(10);
  }
});
