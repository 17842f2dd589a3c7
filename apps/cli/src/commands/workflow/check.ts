import { resolve } from 'node:path';
import { workflowCommand } from '@shoal/workflow';
import { usageError } from '../../errors.ts';
import type { Context } from '../../program/context.ts';
import { implement } from '../../program/leaf.ts';
import type { WorkflowsChecked } from '../../shapes/workflows.ts';

/** The checks are those of `shoal-workflow`: its document is what `--json` prints. */
async function documentOf(
  context: Context,
  verb: 'validate' | 'plan',
  files: readonly string[],
  more: readonly string[],
) {
  const paths = files.map((file) => resolve(context.io.cwd, file));
  const { stdout, stderr, exitCode } = await workflowCommand([verb, ...paths, '--json', ...more]);
  if (exitCode === 2) throw usageError(stderr.trim(), 'unreadable-file');
  return JSON.parse(stdout) as unknown;
}

export const validate = implement<WorkflowsChecked>({
  run: async (context, files) => (await documentOf(context, 'validate', files, [])) as WorkflowsChecked,
  text: ({ files }, style) => files.map((file) => checkedText(file, style)).join(''),
  outcome: ({ valid }) => (valid ? 'ok' : 'findings'),
});

function checkedText(
  { file, valid, id = '', steps = 0, findings }: WorkflowsChecked['files'][number],
  style: { good(text: string): string; bad(text: string): string },
): string {
  if (valid) return `${style.good('good')}  ${file}: ${id}, ${steps} steps\n`;
  const lines = findings.map(
    ({ line, column, path, message }) =>
      `      ${file}:${line}:${column}  ${path === '' ? '' : `${path}: `}${message}\n`,
  );
  return `${style.bad('bad ')}  ${file}\n${lines.join('')}`;
}

type Planned = WorkflowsChecked | { readonly file: string; readonly id: string; readonly graph: string };

export const plan = implement<Planned>({
  async run(context, [file = ''], { mermaid }) {
    return (await documentOf(context, 'plan', [file], mermaid === true ? ['--mermaid'] : [])) as Planned;
  },
  text: (planned, style) =>
    'graph' in planned ? planned.graph : planned.files.map((file) => checkedText(file, style)).join(''),
  outcome: (planned) => ('graph' in planned ? 'ok' : 'findings'),
});
