import { parseA2aTopic, parseJson, parseShoalTopic } from '@shoal/protocol';
import type { InboundMessage } from '@shoal/mqtt-link';
import type { TraceEntry } from '../shapes/projects.ts';

/** A message as it stands in a trace. */
export function toTraceEntry(message: InboundMessage, at: string): TraceEntry {
  const { topic, payload, retain, qos, responseTopic = null, correlationData, userProperties } = message;
  const text = asText(payload);
  const { kind, of } = partyOf(topic);
  return {
    at,
    topic,
    kind,
    of,
    retain,
    qos,
    summary: summaryOf(kind, payload),
    payload: text ?? Buffer.from(payload).toString('base64'),
    encoding: text === undefined ? 'base64' : 'utf8',
    responseTopic,
    correlationData: correlationData === undefined ? null : Buffer.from(correlationData).toString('base64'),
    userProperties: Object.fromEntries(
      Object.entries(userProperties).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : [...value],
      ]),
    ),
  };
}

function partyOf(topic: string): { readonly kind: string; readonly of: string | null } {
  const a2a = parseA2aTopic(topic);
  if (a2a !== undefined) {
    if (a2a.kind === 'pool') return { kind: 'pool', of: a2a.poolId };
    return { kind: a2a.kind === 'discovery' ? 'card' : a2a.kind, of: a2a.address.agentId };
  }
  const record = parseShoalTopic(topic);
  if (record !== undefined) {
    if ('stepId' in record)
      return { kind: record.kind, of: `${record.sessionId.slice(0, 8)} ${record.stepId}` };
    if ('sessionId' in record) return { kind: record.kind, of: record.sessionId.slice(0, 8) };
    if ('agentId' in record) return { kind: record.kind, of: record.agentId };
    if ('deviceId' in record) return { kind: record.kind, of: record.deviceId };
    return { kind: record.kind, of: null };
  }
  if (topic.startsWith('$mcp-')) return { kind: 'mcp', of: topic.split('/').at(-1) ?? null };
  return { kind: 'other', of: null };
}

/** What is in it, in one line: the method of a request, the state of a record. */
function summaryOf(kind: string, payload: Uint8Array): string {
  if (payload.length === 0) return 'removed';
  const json = parseJson(payload);
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return `${payload.length} bytes`;
  const value = json.value as Record<string, unknown>;
  if ('jsonrpc' in value) return rpcSummary(value);
  const { name, state, action, attempt, seq } = value;
  const facts = [
    name,
    action,
    state,
    attempt === undefined ? undefined : `attempt ${JSON.stringify(attempt)}`,
    seq === undefined ? undefined : `#${JSON.stringify(seq)}`,
  ];
  const text = facts.filter((fact) => typeof fact === 'string').join(' ');
  return text === '' ? `${kind}, ${payload.length} bytes` : text;
}

function rpcSummary(value: Record<string, unknown>): string {
  const { method, error, result, params } = value as {
    method?: string;
    error?: { code?: number; message?: string };
    result?: Record<string, Record<string, unknown> | undefined>;
    params?: { message?: { parts?: readonly { text?: string }[] } };
  };
  if (method !== undefined) {
    const said = params?.message?.parts?.find((part) => part.text !== undefined)?.text;
    return said === undefined ? method : `${method} "${said.slice(0, 80)}"`;
  }
  if (error !== undefined) return `error ${String(error.code)}: ${error.message ?? ''}`;
  const [item] = Object.keys(result ?? {});
  const status = (result?.['task'] ?? result?.['statusUpdate'])?.['status'] as { state?: string } | undefined;
  return status?.state === undefined
    ? `result ${item ?? ''}`.trimEnd()
    : `${item ?? ''} ${status.state.replace('TASK_STATE_', '').toLowerCase()}`;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function asText(payload: Uint8Array): string | undefined {
  try {
    return decoder.decode(payload);
  } catch {
    return undefined;
  }
}
