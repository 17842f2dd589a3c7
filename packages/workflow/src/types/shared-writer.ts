import type { Link } from '@shoal/mqtt-link';

/**
 * A connection that instances of one process write over while they are quick (docs/decisions: quick steps share a connection). It is
 * fenced, and once lost it is never opened again under this id.
 */
export interface SharedWriter {
  readonly writerId: string;
  readonly link: Link;
}
