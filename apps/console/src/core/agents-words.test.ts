import { describe, expect, it } from 'vitest';
import { partView } from './artifact-view.ts';
import { cardTemplate, checkDraft } from './card-draft.ts';
import { asked, received, say, startConversation, waitsForInput } from './conversation.ts';
import { formFields, readForm } from './form-schema.ts';
import { layeredLayout } from './layered-layout.ts';
import { scopesOf } from './scope.ts';
import { stripMarkup } from './strip-markup.ts';
import { toolView } from './tool-view.ts';

describe('parts of artifacts', () => {
  it('are shown by what they are, and never as more than they say', () => {
    expect(partView({ text: 'a' })).toEqual({ kind: 'text', text: 'a' });
    expect(partView({ text: '<b>a</b>' }).kind).toBe('text');
    expect(partView({ text: '<svg></svg>' }).kind).toBe('svg');
    expect(partView({ text: 'a', mediaType: 'text/HTML; charset=utf-8' }).kind).toBe('html');
    expect(partView({ raw: btoa('<svg/>'), mediaType: 'image/svg+xml' })).toEqual({
      kind: 'svg',
      text: '<svg/>',
    });
    expect(partView({ raw: 'AA==', mediaType: 'application/x-sh' }).kind).toBe('file');
    expect(partView({ data: { rows: [{ a: 1 }] } })).toMatchObject({
      kind: 'table',
      columns: ['a'],
      rows: [['1']],
    });
    expect(partView({ data: [{ a: { b: 1 } }] }).kind).toBe('json');
    expect(partView({ data: null })).toEqual({ kind: 'json', value: null });
  });

  it('are bounded: a long list shows its beginning', () => {
    const data = Array.from({ length: 1_000 }, (_, n) => ({ n }));
    expect(partView({ data })).toMatchObject({ left: 800 });
  });
});

describe('markup of others', () => {
  const html = { tags: new Set(['p', 'b', 'a', 'br']), attributes: new Set(['href']), xml: false };

  it('keeps what is allowed and closes what was left open', () => {
    expect(stripMarkup('<p>a <b>b<br>c', html)).toBe('<p>a <b>b<br>c</b></p>');
  });

  it.each([
    '<script>x()</script>',
    '<style>p{}</style>',
    '<svg onload=x()><style></style></svg>',
    '<img src=x onerror=x()>',
    '<iframe srcdoc="<p onclick=x()>"></iframe>',
    '<math><mtext><table><mglyph><style><img src=x onerror=x()>',
    '<noscript><p title="</noscript><img src=x onerror=x()>">',
    '<template><p onclick=x()></p></template>',
  ])('lets nothing of %s through', (attack) => {
    expect(stripMarkup(attack, html).replace(/<\/?p>/g, '')).not.toMatch(/<|\bon\w+=(?!.*&)/);
  });

  it('takes attributes that act off, and writes the others safely', () => {
    expect(stripMarkup(`<a href='x"y' onclick="z()" style="q">t</a>`, html)).toBe('<a href="x&quot;y">t</a>');
  });
});

describe('forms of tools', () => {
  const fields = formFields({
    type: 'object',
    properties: {
      rpm: { type: 'integer', minimum: 0, maximum: 3000 },
      mode: { enum: ['a', 'b'] },
      extra: {},
      requestId: {},
    },
    required: ['rpm'],
  });

  it('leave out what the agent fills in', () => {
    expect(fields.map(({ name, kind }) => [name, kind])).toEqual([
      ['rpm', 'integer'],
      ['mode', 'choice'],
      ['extra', 'json'],
    ]);
  });

  it.each([
    [{}, 'rpm is needed'],
    [{ rpm: 'fast' }, 'rpm takes a whole number, not "fast"'],
    [{ rpm: '1.5' }, 'rpm takes a whole number, not "1.5"'],
    [{ rpm: '3001' }, 'rpm must be at most 3000'],
  ])('say what is wrong with %j', (texts, error) => {
    expect(readForm(fields, texts)).toMatchObject({ ok: false, errors: { rpm: error } });
  });

  it('read values by their kind, and zero is a value', () => {
    expect(readForm(fields, { rpm: '0', extra: '{"a":1}' })).toEqual({
      ok: true,
      value: { rpm: 0, extra: { a: 1 } },
    });
  });

  it('take a tool that says nothing for the riskiest', () => {
    expect(toolView({ name: 'x' })).toMatchObject({ risk: 'dangerous', declared: false });
    expect(toolView({ name: 'x', annotations: { readOnlyHint: true } }).risk).toBe('read');
    expect(
      toolView({
        name: 'x',
        _meta: { 'shoal/tool': { risk: 'reversible' } },
        annotations: { readOnlyHint: true },
      }).risk,
    ).toBe('reversible');
    expect(toolView({ name: 'x', _meta: { 'shoal/tool': { risk: 'harmless' } } }).risk).toBe('dangerous');
  });
});

describe('conversations', () => {
  const update = (state: 'TASK_STATE_WORKING' | 'TASK_STATE_INPUT_REQUIRED') => ({
    statusUpdate: { taskId: 't', contextId: 'c', status: { state } },
  });

  it('remember context and task, and know when the agent asks', () => {
    let talk = asked(startConversation('1', 'a'), 'hello', 0);
    talk = received(talk, update('TASK_STATE_WORKING'), 1);
    expect(waitsForInput(talk)).toBe(false);
    talk = received(talk, update('TASK_STATE_INPUT_REQUIRED'), 2);
    expect([talk.contextId, talk.taskId, waitsForInput(talk)]).toEqual(['c', 't', true]);
  });

  it('leave what was shown before as it was', () => {
    const artifact = { artifactId: 'x', parts: [{ text: '1' }] };
    const first = received(
      startConversation('1', 'a'),
      { artifactUpdate: { taskId: 't', contextId: 'c', artifact } },
      0,
    );
    const second = received(
      first,
      { artifactUpdate: { taskId: 't', contextId: 'c', artifact, append: true } },
      1,
    );
    expect(first.tasks[0]?.artifacts?.[0]?.parts).toHaveLength(1);
    expect(second.tasks[0]?.artifacts?.[0]?.parts).toHaveLength(2);
  });

  it('let the oldest go and say how many', () => {
    let talk = startConversation('1', 'a');
    for (let n = 0; n < 400; n++) talk = say(talk, { kind: 'asked', text: `${n}`, atMs: n });
    expect([talk.turns.length, talk.dropped]).toEqual([300, 100]);
  });
});

it('finds the units in topics, and nothing in others', () => {
  const topics = [
    '$a2a/v1/discovery/acme/a/x',
    '$a2a/v1/discovery/acme/a/y',
    'shoal/v1/acme/b/session/1',
    '$a2a/v1/discovery/a b/c/x',
    'else',
  ];
  expect(scopesOf(topics)).toEqual([
    { org: 'acme', unit: 'a', agents: 2, sessions: 0 },
    { org: 'acme', unit: 'b', agents: 0, sessions: 1 },
  ]);
});

it('lays steps out in columns by depth', () => {
  const size = { width: 100, height: 50, gapX: 10, gapY: 10 };
  const nodes = [
    { id: 'a', needs: [] },
    { id: 'b', needs: [] },
    { id: 'c', needs: ['a', 'gone'] },
  ];
  expect(layeredLayout(nodes, size)).toEqual([
    { id: 'a', x: 0, y: 0 },
    { id: 'b', x: 0, y: 60 },
    { id: 'c', x: 110, y: 0 },
  ]);
});

describe('a card that is being written', () => {
  const address = { org: 'acme', unit: 'plant', agentId: 'x' };
  const template = cardTemplate(address, 'mqtt://x');

  it('has nothing to find in the template', () => {
    expect(checkDraft(template, address)).toMatchObject({ card: { name: 'x' }, emqx: true, findings: [] });
  });

  it.each([
    ['{', 'card'],
    ['{}', 'name'],
    [template.replace('"version"', '"versoin"'), 'version'],
  ])('cannot be published when it is %s', (text, field) => {
    const { card, findings } = checkDraft(text, address);
    expect(card).toBeUndefined();
    expect(findings.map((finding) => finding.field).join(' ')).toContain(field);
  });

  it('needs an id that is one', () => {
    expect(checkDraft(template, { ...address, agentId: 'a/b' }).card).toBeUndefined();
  });
});
