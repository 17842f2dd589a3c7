import { collect } from '../../connection/collect.ts';
import { nameOf, openRegistry } from '../../connection/registry.ts';
import { printable } from '../../output/printable.ts';
import { paintState } from '../../output/style.ts';
import { implement } from '../../program/leaf.ts';
import type { AgentEvent, AgentsWatch } from '../../shapes/agents.ts';
import type { RegistryChange } from '@shoal/registry-client';

export const watch = implement<AgentsWatch>({
  async run(context, _args, flags) {
    const collector = collect<AgentEvent>(context, flags);
    const link = await context.connect({ stays: true });
    link.on('offline', () => context.note('the connection was lost; coming back'));
    const registry = await openRegistry(context, link, { probes: true });
    const { style } = context;
    const tell = (change: RegistryChange): void => {
      const event = toEvent(change);
      const name = printable(`${event.org}/${event.unit}/${event.agentId}`);
      const state = event.state === null ? '' : paintState(style, event.state)(event.state.padEnd(8));
      const time = style.dim(event.at.slice(11, 19));
      collector.add(
        `${time}  ${event.kind.padEnd(12)} ${state} ${name}  ${style.dim(printable(event.reason))}`,
        event,
      );
    };
    for (const agent of registry.agents()) tell({ kind: 'registered', agent });
    for (const kind of ['registered', 'updated', 'presence', 'unregistered', 'invalid'] as const)
      context.atEnd(registry.on(kind, tell));
    await collector.done;
    return { events: [...collector.records], dropped: collector.dropped };
  },
  text: () => '',
});

function toEvent(change: RegistryChange): AgentEvent {
  const at = new Date().toISOString();
  if (change.kind === 'invalid') {
    const { org = '?', unit = '?', agentId = '?' } = change.address ?? {};
    const [first] = change.violations;
    const reason = first === undefined ? 'a card that cannot be used' : `${first.field} ${first.message}`;
    return { at, kind: 'invalid', org, unit, agentId, state: null, source: null, reason };
  }
  const { state, source, reason } = change.agent.presence;
  const text = change.kind === 'updated' ? `card ${nameOf(change.agent)} changed` : reason;
  return { at, kind: change.kind, ...change.agent.address, state, source, reason: text };
}
