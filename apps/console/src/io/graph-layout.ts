import * as elkApi from 'elkjs/lib/elk-api.js';
import type { ELK, ELKConstructorArguments, ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import workerUrl from 'elkjs/lib/elk-worker.min.js?url';
import {
  edgeId,
  layeredLayout,
  type Layout,
  type LayoutNode,
  type Point,
  type Size,
} from '../core/layered-layout.ts';

/** A CommonJS module whose types say otherwise: bundlers put the class where a default export would be. */
const Elk = elkApi.default as unknown as new (options: ELKConstructorArguments) => ELK;

/** Larger graphs are laid out in columns: the engine would take longer than somebody waits. */
export const MOST_NODES = 400;
const LONGEST_MS = 4_000;

/**
 * Places the steps of a plan. ELK works in a worker of its own for at most four seconds; if it does not answer, or cannot start, the steps
 * stay in columns by depth.
 */
export async function layoutGraph(nodes: readonly LayoutNode[], size: Size): Promise<Layout> {
  const columns = (): Layout => ({ placed: layeredLayout(nodes, size), routes: new Map() });
  if (nodes.length > MOST_NODES) return columns();
  let worker: Worker | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const elk = new Elk({
      workerFactory: () => {
        worker = new Worker(workerUrl);
        return worker;
      },
    });
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('the layout took too long')), LONGEST_MS);
    });
    const { children = [], edges = [] } = await Promise.race([elk.layout(elkGraph(nodes, size)), late]);
    return {
      placed: children.map(({ id, x = 0, y = 0 }) => ({ id, x, y })),
      routes: new Map(edges.flatMap(routeOf)),
    };
  } catch {
    return columns();
  } finally {
    clearTimeout(timer);
    worker?.terminate();
  }
}

function routeOf({ id, sections }: ElkExtendedEdge): (readonly [string, readonly Point[]])[] {
  const [section] = sections ?? [];
  if (section === undefined) return [];
  return [[id, [section.startPoint, ...(section.bendPoints ?? []), section.endPoint]]];
}

function elkGraph(nodes: readonly LayoutNode[], { width, height, gapX, gapY }: Size): ElkNode {
  const known = new Set(nodes.map(({ id }) => id));
  return {
    id: 'root',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.layered.spacing.nodeNodeBetweenLayers': String(gapX),
      'elk.spacing.nodeNode': String(gapY),
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.spacing.edgeNodeBetweenLayers': '18',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
    },
    children: nodes.map(({ id }) => ({ id, width, height })),
    edges: nodes.flatMap(({ id, needs }) =>
      needs
        .filter((need) => known.has(need))
        .map((need) => ({ id: edgeId(need, id), sources: [need], targets: [id] })),
    ),
  };
}
