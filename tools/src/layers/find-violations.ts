import { IMPURE_MODULES, LAYERS, WORKSHOP } from './layers.ts';

export interface SourceFile {
  /** Path from the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\s+from\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;
const IMPURE_CALLS =
  /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|new Date\(\))/;
const TEST_FILE = /\.test\.ts$|\/(test|testing|contract|bench|examples|scripts|templates)\//;

/** Every import or call in `files` that the layer table does not allow. */
export function findViolations(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) => [...importViolations(file), ...purityViolations(file)]);
}

function importViolations(file: SourceFile): Violation[] {
  const owner = Object.entries(LAYERS).find(([, layer]) => file.path.startsWith(`${layer.folder}/`));
  const found: Violation[] = [];
  for (const { specifier, typeOnly, line } of importsOf(file.text)) {
    const report = (message: string): void => void found.push({ path: file.path, line, message });
    const target = shoalPackage(specifier);
    if (target !== undefined && WORKSHOP.includes(target)) {
      if (owner !== undefined && !TEST_FILE.test(file.path))
        report(`${target} is for tests and tools, and is not published`);
      continue;
    }
    if (target !== undefined && owner !== undefined && target !== owner[0]) {
      const [name, layer] = owner;
      const allowed = TEST_FILE.test(file.path) ? [...layer.imports, ...layer.test] : layer.imports;
      if (!allowed.includes(target)) report(`${name} must not import ${target}`);
    }
    if (target !== undefined && target !== owner?.[0] && (LAYERS[target]?.app ?? !(target in LAYERS)))
      report(`nothing imports an app: ${target}`);
    if (isCore(file.path) && !typeOnly && IMPURE_MODULES.includes(target ?? specifier))
      report(`core/ must not import ${specifier}: hand in what it needs, or act in io/`);
    if (isCore(file.path) && !typeOnly && /\/io\//.test(specifier))
      report(`core/ must not import io/ (${specifier})`);
  }
  return found;
}

function purityViolations(file: SourceFile): Violation[] {
  if (!isCore(file.path)) return [];
  return file.text.split('\n').flatMap((text, index) => {
    const call = IMPURE_CALLS.exec(text.replace(/\/\/.*|^\s*\*.*|\/\*.*\*\//, ''));
    if (call === null) return [];
    return [
      {
        path: file.path,
        line: index + 1,
        message: `core/ must not call ${call[1]}: take the time and randomness as input`,
      },
    ];
  });
}

function importsOf(text: string): { specifier: string; typeOnly: boolean; line: number }[] {
  return [...text.matchAll(IMPORT)].map((match) => ({
    specifier: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
    line: text.slice(0, match.index + match[0].length).split('\n').length,
  }));
}

function shoalPackage(specifier: string): string | undefined {
  return /^@shoal\/[^/]+/.exec(specifier)?.[0];
}

function isCore(path: string): boolean {
  return /^(protocol|packages\/[^/]+)\/src\/core\//.test(path) && !TEST_FILE.test(path);
}
