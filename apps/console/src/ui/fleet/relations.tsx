import type { ReactNode } from 'react';
import { Link } from 'wouter';

/** What the card says the device is connected with. */
export function Relations({
  params,
}: {
  readonly params: Readonly<Record<string, unknown>> | undefined;
}): ReactNode {
  const relations = Array.isArray(params?.['relations'])
    ? (params['relations'] as unknown[]).filter(isRelation)
    : [];
  if (relations.length === 0) return null;
  return (
    <ul className="relations" aria-label="Relations">
      {relations.map(({ deviceId, relation }) => (
        <li key={`${relation} ${deviceId}`}>
          <span className="muted">{relation}</span> <Link href={`/fleet/${deviceId}`}>{deviceId}</Link>
        </li>
      ))}
    </ul>
  );
}

function isRelation(value: unknown): value is { readonly deviceId: string; readonly relation: string } {
  const { deviceId, relation } = (value ?? {}) as Record<string, unknown>;
  return typeof deviceId === 'string' && typeof relation === 'string';
}
