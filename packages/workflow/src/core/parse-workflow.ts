import { validateWorkflowDefinition, type WorkflowDefinition } from '@shoal/protocol';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { WorkflowError, type Finding } from '../errors.ts';
import { checkWorkflow, type Known, type Problem } from './check-workflow.ts';

export interface ParseOptions extends Known {
  /** Named in findings. */
  readonly file?: string;
  /** Default 256 KiB. */
  readonly maxBytes?: number;
}

/** A definition that passed every check. */
export type Workflow = WorkflowDefinition;

/**
 * YAML (or JSON) to a workflow. Throws WorkflowError `invalid-workflow` with all findings, each with line, column and path; the
 * message lists them the way compilers do.
 */
export function parseWorkflow(text: string, options: ParseOptions = {}): Workflow {
  const { value, findings } = tryParse(text, options);
  if (value !== undefined && findings.length === 0) return value;
  const where = (f: Finding): string => `${f.file ?? 'workflow'}:${f.line}:${f.column}`;
  const lines = findings.map((f) => `${where(f)}  ${f.path === '' ? '' : `${f.path}: `}${f.message}`);
  throw new WorkflowError('invalid-workflow', lines.join('\n'), { findings });
}

/** As `parseWorkflow`, for tools that show findings. `value` is there when the schema at least fits. */
export function tryParse(
  text: string,
  options: ParseOptions = {},
): { readonly value?: Workflow; readonly findings: readonly Finding[] } {
  const lines = new LineCounter();
  const at = (offset: number): Pick<Finding, 'line' | 'column' | 'file'> => {
    const { line, col } = lines.linePos(offset);
    return {
      ...(options.file === undefined ? {} : { file: options.file }),
      line: Math.max(1, line),
      column: Math.max(1, col),
    };
  };
  const limit = options.maxBytes ?? 262_144;
  if (text.length > limit)
    return {
      findings: [{ ...at(0), path: '', message: `is larger than ${limit} bytes: split the workflow` }],
    };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0)
    return { findings: broken.map((e) => ({ ...at(e.pos[0]), path: '', message: e.message })) };
  const raw = toValue(document);
  if ('problem' in raw) return { findings: [{ ...at(0), path: '', message: raw.problem }] };
  const locate = ({ path, message }: Problem): Finding => ({
    ...at(offsetOf(document, path)),
    path,
    message,
  });
  const checked = validateWorkflowDefinition(raw.value);
  if (!checked.ok)
    return {
      findings: checked.violations.map((v) => locate({ path: plainPath(v.field), message: v.message })),
    };
  return { value: checked.value, findings: checkWorkflow(checked.value, options).map(locate) };
}

function toValue(document: Document): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as unknown };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Validators of the wire name fields by dots and brackets or as a JSON pointer; findings always by dots and brackets. */
function plainPath(field: string): string {
  if (!field.startsWith('/')) return field === '(root)' || field === '$' ? '' : field.replace(/^\$\./, '');
  return field
    .slice(1)
    .split('/')
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

/** Where the deepest part of `path` that exists begins. */
function offsetOf(document: Document, path: string): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const key of path.match(/[^.[\]]+/g) ?? []) {
    const child = childOf(node, key);
    if (child === undefined) break;
    offset = child.offset;
    node = child.node;
  }
  return offset;
}

function childOf(node: Node | null, key: string): { offset: number; node: Node | null } | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(key)] as Node | undefined;
    return item === undefined ? undefined : { offset: item.range?.[0] ?? 0, node: item };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  const name = pair?.key as Node | undefined;
  return name === undefined
    ? undefined
    : { offset: name.range?.[0] ?? 0, node: (pair?.value ?? null) as Node | null };
}
