import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { planGraph } from '../core/plan-graph.ts';
import { tryParse, type Workflow } from '../core/parse-workflow.ts';
import type { Finding } from '../errors.ts';

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** 0: the file is fine. 1: it has findings. 2: the command cannot be understood, or a file cannot be read. */
  readonly exitCode: 0 | 1 | 2;
}

const USAGE = `usage: shoal-workflow validate FILE… [--json]
       shoal-workflow plan FILE [--mermaid] [--json]
`;

/** Checks workflow files, or prints their graph; needs no broker. */
export async function workflowCommand(args: readonly string[]): Promise<CommandOutput> {
  let parsed: ReturnType<typeof readArgs>;
  try {
    parsed = readArgs(args);
  } catch (error) {
    return {
      stdout: '',
      stderr: `${error instanceof Error ? error.message : String(error)}\n${USAGE}`,
      exitCode: 2,
    };
  }
  const [verb, ...files] = parsed.positionals;
  const { json, mermaid } = parsed.values;
  const isPlan = verb === 'plan';
  if (!(isPlan || verb === 'validate') || files.length === 0 || (isPlan && files.length > 1))
    return { stdout: '', stderr: USAGE, exitCode: 2 };
  const results: Checked[] = [];
  for (const file of files) {
    try {
      results.push({ file, ...tryParse(await readFile(file, 'utf8'), { file }) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { stdout: '', stderr: `${file}: ${reason}\n`, exitCode: 2 };
    }
  }
  return isPlan ? planned(results, json, mermaid) : validated(results, json);
}

interface Checked {
  readonly file: string;
  readonly value?: Workflow;
  readonly findings: readonly Finding[];
}

function readArgs(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, mermaid: { type: 'boolean', default: false } },
  });
}

function validated(results: readonly Checked[], json: boolean): CommandOutput {
  const findings = results.flatMap((one) => one.findings);
  const exitCode = findings.length === 0 ? 0 : 1;
  if (json) {
    const files = results.map(({ file, value, findings: found }) => ({
      file,
      valid: found.length === 0,
      ...(value === undefined ? {} : { id: value.id, steps: value.steps.length }),
      findings: found,
    }));
    return { stdout: `${JSON.stringify({ valid: exitCode === 0, files }, null, 2)}\n`, stderr: '', exitCode };
  }
  const good = results.flatMap(({ file, value, findings: found }) =>
    value === undefined || found.length > 0 ? [] : [`${file}: ${value.id}, ${value.steps.length} steps\n`],
  );
  return { stdout: good.join(''), stderr: findings.map(lineOf).join(''), exitCode };
}

function planned(results: readonly Checked[], json: boolean, mermaid: boolean): CommandOutput {
  const [one] = results;
  if (one?.value === undefined || one.findings.length > 0) return validated(results, json);
  const graph = planGraph(one.value, mermaid ? 'mermaid' : 'text');
  const stdout = json ? `${JSON.stringify({ file: one.file, id: one.value.id, graph }, null, 2)}\n` : graph;
  return { stdout, stderr: '', exitCode: 0 };
}

function lineOf({ file, line, column, path, message }: Finding): string {
  return `${file ?? ''}:${line}:${column}  ${path === '' ? '' : `${path}: `}${message}\n`;
}
