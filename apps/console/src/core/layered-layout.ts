export interface LayoutNode {
  readonly id: string;
  readonly needs: readonly string[];
}

export interface Placed {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
  readonly gapX: number;
  readonly gapY: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly placed: readonly Placed[];
  /** Where the edge `from>to` goes, from end to end. One without a route is drawn straight from node to node. */
  readonly routes: ReadonlyMap<string, readonly Point[]>;
}

export function edgeId(from: string, to: string): string {
  return `${from}>${to}`;
}

/** An SVG path along the points, its corners rounded by at most `radius`. Empty for fewer than two points. */
export function roundedPath(points: readonly Point[], radius: number): string {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return '';
  const corners = points.slice(1, -1).map((corner, index) => {
    const into = towards(corner, points[index]!, radius);
    const out = towards(corner, points[index + 2]!, radius);
    return ` L ${into.x} ${into.y} Q ${corner.x} ${corner.y} ${out.x} ${out.y}`;
  });
  return `M ${first.x} ${first.y}${corners.join('')} L ${last.x} ${last.y}`;
}

/** So far from `from` on the way to `to`, and never further than half of it. */
function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length === 0) return from;
  const share = Math.min(distance, length / 2) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/**
 * Columns by the longest way from a step without needs. What is shown until the layout engine has answered, or when the graph is too
 * large for it. Needs that are no nodes are left out; nodes must come after what they need, as in a plan.
 */
export function layeredLayout(nodes: readonly LayoutNode[], size: Size): readonly Placed[] {
  const depths = new Map<string, number>();
  const heights = new Map<number, number>();
  return nodes.map(({ id, needs }) => {
    const depth = Math.max(0, ...needs.map((need) => (depths.get(need) ?? -1) + 1));
    depths.set(id, depth);
    const row = heights.get(depth) ?? 0;
    heights.set(depth, row + 1);
    return { id, x: depth * (size.width + size.gapX), y: row * (size.height + size.gapY) };
  });
}
