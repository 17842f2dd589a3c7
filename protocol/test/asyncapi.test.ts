import { Parser } from '@asyncapi/parser';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseA2aTopic, parseShoalTopic } from '../src/index.ts';

const FILE = new URL('../schemas/v1/asyncapi.json', import.meta.url);

interface Described {
  readonly channels: Readonly<Record<string, { readonly address: string }>>;
  readonly components: { readonly messages: object };
}

describe('the AsyncAPI document', () => {
  let text: string;
  let described: Described;

  beforeAll(async () => {
    text = await readFile(FILE, 'utf8');
    described = JSON.parse(text) as Described;
  });

  it('is what the official parser takes', async () => {
    const { document, diagnostics } = await new Parser().parse(text);
    expect(diagnostics).toEqual([]);
    expect(document?.channels().length).toBe(Object.keys(described.channels).length);
  }, 120_000);

  it('has an address for each kind of topic, and each is read back as such', () => {
    const kinds = new Set<string>();
    for (const [name, { address }] of Object.entries(described.channels)) {
      const topic = address
        .replace('{scope}', 'day')
        .replaceAll(/\{(\w+)\}/g, (_, id: string) => (id === 'taskId' ? 'a' : `an-${id}`));
      const parsed = topic.startsWith('$a2a/') ? parseA2aTopic(topic) : parseShoalTopic(topic);
      // Claims of a pool are read by its members only, who know their topic.
      if (name === 'poolClaim') continue;
      kinds.add(parsed?.kind ?? `${name} is no topic`);
    }
    expect([...kinds].sort()).toMatchInlineSnapshot(`
      [
        "agent-attempt",
        "approval",
        "attempt",
        "caller",
        "canary",
        "claim",
        "control",
        "decision",
        "desired",
        "device-command",
        "device-command-cancel",
        "device-command-status",
        "discovery",
        "event",
        "extend",
        "host",
        "host-event",
        "host-order",
        "intent",
        "items",
        "outcome",
        "pause",
        "pool",
        "purge",
        "reasoning",
        "reply",
        "request",
        "result",
        "session",
        "spawn",
        "state",
        "status",
        "task",
        "telemetry",
        "tool-approval",
        "trigger",
        "usage",
        "writer",
      ]
    `);
  });
});
