import type { AgentCard } from '@shoal/protocol';
import type { Finding } from '@shoal/registry-client';
import type { ReactNode } from 'react';
import { extensionUris, securityFacts, type Fact } from '../../core/card-facts.ts';

export function CardSkills({ card }: { readonly card: AgentCard }): ReactNode {
  return (
    <ul className="skills">
      {card.skills.map(({ id, name, description, tags, examples = [] }) => (
        <li key={id}>
          <span className="skill-name">{name}</span> <span className="mono muted">{id}</span>
          <p>{description}</p>
          <p className="tags">
            {tags.map((tag) => (
              <span key={tag} className="tag">
                {tag}
              </span>
            ))}
          </p>
          {examples.length > 0 && <p className="muted mono examples">{examples.join('   ')}</p>}
        </li>
      ))}
    </ul>
  );
}

export function Facts({ facts }: { readonly facts: readonly Fact[] }): ReactNode {
  return (
    <dl className="facts">
      {facts.map(({ label, value }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function SecuritySection({ card }: { readonly card: AgentCard }): ReactNode {
  return (
    <section className="panel" aria-label="Security">
      <h2>Security</h2>
      <Facts facts={securityFacts(card)} />
    </section>
  );
}

export function InterfaceFacts({ card }: { readonly card: AgentCard }): ReactNode {
  const { capabilities } = card;
  const can = [
    capabilities.streaming === true ? 'streaming' : '',
    capabilities.pushNotifications === true ? 'push notifications' : '',
    capabilities.extendedAgentCard === true ? 'extended card' : '',
  ].filter(Boolean);
  return (
    <Facts
      facts={[
        { label: 'version', value: card.version },
        ...card.supportedInterfaces.map(({ url, protocolBinding, protocolVersion }) => ({
          label: 'interface',
          value: `${protocolBinding} ${protocolVersion} at ${url}`,
        })),
        { label: 'capabilities', value: can.length === 0 ? 'none beyond the basics' : can.join(', ') },
        { label: 'takes', value: card.defaultInputModes.join(', ') },
        { label: 'gives', value: card.defaultOutputModes.join(', ') },
        { label: 'extensions', value: extensionUris(card).join('  ') || 'none' },
        ...(card.provider === undefined
          ? []
          : [{ label: 'provider', value: `${card.provider.organization} (${card.provider.url})` }]),
      ].map((fact, index) => ({
        ...fact,
        label: index > 0 && fact.label === 'interface' ? `interface ${index}` : fact.label,
      }))}
    />
  );
}

export function Findings({ findings }: { readonly findings: readonly Finding[] }): ReactNode {
  return (
    <ul className="findings">
      {findings.map(({ field, message }, index) => (
        <li key={index}>
          <code>{field}</code> {message}
        </li>
      ))}
    </ul>
  );
}
