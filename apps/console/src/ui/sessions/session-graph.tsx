import {
  Background,
  Controls,
  Handle,
  Position,
  ReactFlow,
  useReactFlow,
  ReactFlowProvider,
  type Edge,
  type Node,
  type NodeProps,
} from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { layeredLayout, type Placed } from '../../core/layered-layout.ts';
import type { StepCard } from '../../core/step-card.ts';
import { layoutGraph } from '../../io/graph-layout.ts';
import { StateBadge, toneOf } from '../parts/badge.tsx';

const SIZE = { width: 208, height: 84, gapX: 56, gapY: 20 };

type StepNode = Node<
  {
    readonly card: StepCard;
    readonly selected: boolean;
    readonly last: boolean;
    readonly onSelect: () => void;
  },
  'step'
>;

interface SessionGraphProps {
  readonly cards: readonly StepCard[];
  readonly selected: string | undefined;
  readonly onSelect: (stepId: string | undefined) => void;
}

const NODE_TYPES = { step: StepBox };

export function SessionGraph(props: SessionGraphProps): ReactNode {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ cards, selected, onSelect }: SessionGraphProps): ReactNode {
  const placed = usePlaces(cards);
  const { fitView } = useReactFlow();
  const needed = useMemo(() => new Set(cards.flatMap(({ needs }) => needs)), [cards]);
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
            last: !needed.has(card.id),
            onSelect: () => onSelect(card.id),
          },
          draggable: false,
          connectable: false,
          width: SIZE.width,
          height: SIZE.height,
        };
      }),
    [cards, needed, placed, selected, onSelect],
  );
  const edges = useMemo(() => cards.flatMap(edgesOf(cards)), [cards]);
  useEffect(() => {
    void fitView({ padding: 0.08, maxZoom: 1 });
  }, [placed, fitView]);
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
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

function StepBox({ data: { card, selected, last, onSelect } }: NodeProps<StepNode>): ReactNode {
  return (
    <>
      <Handle
        type="target"
        position={Position.Left}
        isConnectable={false}
        className={card.needs.length === 0 ? 'handle-unused' : ''}
      />
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
      <Handle
        type="source"
        position={Position.Right}
        isConnectable={false}
        className={last ? 'handle-unused' : ''}
      />
    </>
  );
}

function edgesOf(cards: readonly StepCard[]): (card: StepCard) => Edge[] {
  const byId = new Map(cards.map((card) => [card.id, card]));
  return ({ id, needs, state }) =>
    needs.flatMap((need): Edge[] => {
      const from = byId.get(need);
      if (from === undefined) return [];
      const met = from.endedMs !== undefined;
      return [
        {
          id: `${need}>${id}`,
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
function usePlaces(cards: readonly StepCard[]): readonly Placed[] {
  const shape = cards.map(({ id, needs }) => `${id}<${needs.join(',')}`).join(';');
  const first = useMemo(() => layeredLayout(cards, SIZE), [shape]);
  const [laidOut, setLaidOut] = useState<
    { readonly shape: string; readonly placed: readonly Placed[] } | undefined
  >();
  useEffect(() => {
    let wanted = true;
    const nodes = cards.map(({ id, needs }) => ({ id, needs }));
    const lay = async (): Promise<void> => {
      const places = await layoutGraph(nodes, SIZE);
      if (wanted) setLaidOut({ shape, placed: places });
    };
    void lay();
    return () => {
      wanted = false;
    };
  }, [shape]);
  return laidOut?.shape === shape ? laidOut.placed : first;
}
