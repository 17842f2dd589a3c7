import {
  Background,
  BaseEdge,
  Controls,
  getBezierPath,
  Handle,
  Position,
  ReactFlow,
  useReactFlow,
  ReactFlowProvider,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps,
} from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { edgeId, layeredLayout, roundedPath, type Layout, type Point } from '../../core/layered-layout.ts';
import type { StepCard } from '../../core/step-card.ts';
import { layoutGraph } from '../../io/graph-layout.ts';
import { StateBadge, toneOf } from '../parts/badge.tsx';

const SIZE = { width: 208, height: 84, gapX: 56, gapY: 20 };

type StepNode = Node<
  {
    readonly card: StepCard;
    readonly selected: boolean;
    readonly onSelect: () => void;
  },
  'step'
>;

type NeedEdgeType = Edge<{ readonly route: readonly Point[] | undefined }, 'need'>;

interface SessionGraphProps {
  readonly cards: readonly StepCard[];
  readonly selected: string | undefined;
  readonly onSelect: (stepId: string | undefined) => void;
}

const NODE_TYPES = { step: StepBox };
const EDGE_TYPES = { need: NeedEdge };
const NO_ROUTES: Layout['routes'] = new Map();

export function SessionGraph(props: SessionGraphProps): ReactNode {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ cards, selected, onSelect }: SessionGraphProps): ReactNode {
  const { placed, routes } = useLayout(cards);
  const { fitView } = useReactFlow();
  const nodes = useMemo(
    () =>
      cards.map((card): StepNode => {
        const { x = 0, y = 0 } = placed.find(({ id }) => id === card.id) ?? {};
        return {
          id: card.id,
          type: 'step',
          position: { x, y },
          data: {
            card,
            selected: card.id === selected,
            onSelect: () => onSelect(card.id),
          },
          draggable: false,
          connectable: false,
          width: SIZE.width,
          height: SIZE.height,
        };
      }),
    [cards, placed, selected, onSelect],
  );
  const edges = useMemo(() => cards.flatMap(edgesOf(cards, routes)), [cards, routes]);
  useEffect(() => {
    void fitView({ padding: 0.08, maxZoom: 1 });
  }, [placed, fitView]);
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      fitView
      fitViewOptions={{ padding: 0.08, maxZoom: 1 }}
      minZoom={0.2}
      maxZoom={1.5}
      nodesConnectable={false}
      nodesDraggable={false}
      edgesFocusable={false}
      zoomOnScroll={false}
      preventScrolling={false}
      nodesFocusable={false}
      elementsSelectable={false}
      aria-label="Steps of the run"
    >
      <Background gap={20} size={1} />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}

function StepBox({ data: { card, selected, onSelect } }: NodeProps<StepNode>): ReactNode {
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <button
        type="button"
        className={`step-box nopan tone-${toneOf(card.state)}${selected ? ' step-selected' : ''}`}
        aria-pressed={selected}
        onClick={onSelect}
      >
        <span className="step-title">
          <span className="step-name clip">{card.id}</span>
          {card.retried && <span className="flag">attempt {card.attempt}</span>}
        </span>
        <span className="muted clip">{card.use}</span>
        <span className="step-foot">
          <StateBadge state={card.state} />
          {card.fanOut !== undefined && (
            <span className="number">
              {card.fanOut.completed}/{card.fanOut.total}
            </span>
          )}
        </span>
      </button>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}

function NeedEdge({ id, data, ...ends }: EdgeProps<NeedEdgeType>): ReactNode {
  const path = data?.route === undefined ? getBezierPath(ends)[0] : roundedPath(data.route, 8);
  return <BaseEdge id={id} path={path} />;
}

function edgesOf(cards: readonly StepCard[], routes: Layout['routes']): (card: StepCard) => NeedEdgeType[] {
  const byId = new Map(cards.map((card) => [card.id, card]));
  return ({ id, needs, state }) =>
    needs.flatMap((need): NeedEdgeType[] => {
      const from = byId.get(need);
      if (from === undefined) return [];
      const met = from.endedMs !== undefined;
      return [
        {
          id: edgeId(need, id),
          type: 'need',
          data: { route: routes.get(edgeId(need, id)) },
          source: need,
          target: id,
          focusable: false,
          className: met ? 'edge-met' : 'edge-open',
          animated: met && state === 'running',
        },
      ];
    });
}

/** In columns at once, and as the layout engine wants them when it has answered. */
function useLayout(cards: readonly StepCard[]): Layout {
  const shape = cards.map(({ id, needs }) => `${id}<${needs.join(',')}`).join(';');
  const first = useMemo((): Layout => ({ placed: layeredLayout(cards, SIZE), routes: NO_ROUTES }), [shape]);
  const [laidOut, setLaidOut] = useState<{ readonly shape: string; readonly layout: Layout } | undefined>();
  useEffect(() => {
    let wanted = true;
    const nodes = cards.map(({ id, needs }) => ({ id, needs }));
    const lay = async (): Promise<void> => {
      const layout = await layoutGraph(nodes, SIZE);
      if (wanted) setLaidOut({ shape, layout });
    };
    void lay();
    return () => {
      wanted = false;
    };
  }, [shape]);
  return laidOut?.shape === shape ? laidOut.layout : first;
}
