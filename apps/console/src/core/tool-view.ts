import { readDeclaration, type RiskClass } from '@shoal/device-tools';

export interface ToolView {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly risk: RiskClass;
  /** False: nothing said so, and it is taken for the riskiest. */
  readonly declared: boolean;
  readonly inputSchema: unknown;
}

export interface DeclaredTool {
  readonly name: string;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly inputSchema?: unknown;
  readonly annotations?:
    | {
        readonly title?: string | undefined;
        readonly readOnlyHint?: boolean | undefined;
        readonly destructiveHint?: boolean | undefined;
      }
    | undefined;
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
}

/** What a tool may do with a device: its risk class, else what its annotations say, else the worst. */
export function toolView(tool: DeclaredTool): ToolView {
  const { annotations = {}, _meta: meta } = tool;
  const said = readDeclaration(meta)?.risk;
  const hinted: RiskClass | undefined =
    annotations.readOnlyHint === true
      ? 'read'
      : annotations.destructiveHint === false
        ? 'reversible'
        : undefined;
  return {
    name: tool.name,
    title: tool.title ?? annotations.title ?? tool.name,
    description: tool.description ?? '',
    risk: said ?? hinted ?? 'dangerous',
    declared: said !== undefined || hinted !== undefined,
    inputSchema: tool.inputSchema,
  };
}

/** Looking needs no question; everything that changes the world does. */
export function needsConfirmation(risk: RiskClass): boolean {
  return risk !== 'read';
}
