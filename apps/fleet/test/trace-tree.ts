import type { CollectedSpan } from '@shoal/observability/testing';

type Wanted = readonly [name: string, kind: CollectedSpan['kind'], service: string];

/** The spans of one trace. */
export class TraceTree {
  readonly root: CollectedSpan;
  readonly spans: readonly CollectedSpan[];
  readonly #byId: ReadonlyMap<string, CollectedSpan>;

  private constructor(root: CollectedSpan, spans: readonly CollectedSpan[]) {
    this.root = root;
    this.spans = spans;
    this.#byId = new Map(spans.map((span) => [span.spanId, span]));
  }

  /** The first trace whose root has this name. Throws when there is none. */
  static of(spans: readonly CollectedSpan[], rootName: string): TraceTree {
    const root = spans.find(({ name, parentSpanId }) => name === rootName && parentSpanId === undefined);
    if (root === undefined)
      throw new Error(`no trace begins with "${rootName}": ${spans.map(({ name }) => name).join(', ')}`);
    return new TraceTree(
      root,
      spans.filter(({ traceId }) => traceId === root.traceId),
    );
  }

  get(spanId: string): CollectedSpan | undefined {
    return this.#byId.get(spanId);
  }

  named(name: string): readonly CollectedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** Names of spans whose parent is not in the trace. */
  get orphans(): readonly string[] {
    return this.spans.flatMap(({ name, parentSpanId }) =>
      parentSpanId === undefined || this.#byId.has(parentSpanId) ? [] : [name],
    );
  }

  /** A chain from parent to child. Throws, with the trace, when there is none. */
  path(...wanted: readonly Wanted[]): readonly CollectedSpan[] {
    const fits = (span: CollectedSpan, [name, kind, service]: Wanted): boolean =>
      span.name === name && span.kind === kind && span.service === service;
    for (const last of this.spans) {
      const chain = [last];
      for (let parent = last.parentSpanId; parent !== undefined; parent = chain[0]?.parentSpanId) {
        const span = this.#byId.get(parent);
        if (span === undefined || chain.length === wanted.length) break;
        chain.unshift(span);
      }
      if (chain.length === wanted.length && wanted.every((want, n) => fits(chain[n] as CollectedSpan, want)))
        return chain;
    }
    const names = wanted.map(([name, kind]) => `${name} (${kind})`).join(' > ');
    throw new Error(`the trace has no ${names}\n${this.#printed(this.root, '')}`);
  }

  #printed({ spanId, name, kind, service }: CollectedSpan, indent: string): string {
    const children = this.spans.filter(({ parentSpanId }) => parentSpanId === spanId);
    const below = children.map((child) => this.#printed(child, `${indent}  `)).join('');
    return `${indent}${name} (${kind}, ${service})\n${below}`;
  }
}
