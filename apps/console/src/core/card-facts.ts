import type { AgentCard } from '@shoal/protocol';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** What a card says about who may talk to its agent and whether to believe it. */
export function securityFacts(card: AgentCard): readonly Fact[] {
  const schemes = Object.entries(card.securitySchemes ?? {}).map(([name, scheme]): Fact => {
    const kind = Object.keys(scheme)[0] ?? 'unknown scheme';
    return {
      label: `scheme ${name}`,
      value: `${kind}${detailOf((scheme as Record<string, unknown>)[kind])}`,
    };
  });
  const wanted = (card.securityRequirements ?? [])
    .map(({ schemes = {} }) => Object.keys(schemes).join(' and '))
    .filter((text) => text !== '');
  const signatures = (card.signatures ?? []).map(({ protected: header }, index): Fact => {
    return { label: `signature ${index + 1}`, value: headerOf(header) };
  });
  return [
    {
      label: 'authentication',
      value: wanted.length === 0 ? 'none asked for by the card' : wanted.join(' or '),
    },
    ...schemes,
    ...(signatures.length === 0 ? [{ label: 'signatures', value: 'not signed' }] : signatures),
    {
      label: 'encryption',
      value: extensionUris(card).some((uri) => uri.includes('ubsp'))
        ? 'end-to-end (ubsp-v1)'
        : 'none declared',
    },
  ];
}

export function extensionUris(card: AgentCard): readonly string[] {
  return (card.capabilities.extensions ?? []).flatMap(({ uri }) => (uri === undefined ? [] : [uri]));
}

function detailOf(scheme: unknown): string {
  if (typeof scheme !== 'object' || scheme === null) return '';
  const texts = Object.entries(scheme).flatMap(([key, value]) =>
    typeof value === 'string' && key !== 'description' ? [`${key} ${value}`] : [],
  );
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}

/** Algorithm and key of a signature; it is not verified here. */
function headerOf(encoded: string): string {
  try {
    const header = JSON.parse(atob(encoded.replaceAll('-', '+').replaceAll('_', '/'))) as Record<
      string,
      unknown
    >;
    return `${word(header['alg'])}, key ${word(header['kid'])} (not verified here)`;
  } catch {
    return 'unreadable';
  }
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : 'unnamed';
}
