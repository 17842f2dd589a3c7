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
