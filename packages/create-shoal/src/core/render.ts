/** What a template's placeholders stand for. */
export interface TemplateValues {
  readonly name: string;
  readonly org: string;
  readonly unit: string;
  /** The packages of Shoal are linked to their sources: scripts and compiler need the condition that resolves to them. */
  readonly fromSource: boolean;
  /** Version range for each package of Shoal. */
  readonly shoal: Readonly<Record<string, string>>;
}

/** In a template's manifest: this package's range is filled in. */
const SHOAL_RANGE = 'shoal';

/** Files that npm or an editor would take for this package's own have another name in the template. */
const RENAMED: Readonly<Record<string, string>> = {
  _gitignore: '.gitignore',
  '_package.json': 'package.json',
  '_pnpm-workspace.yaml': 'pnpm-workspace.yaml',
  '_tsconfig.json': 'tsconfig.json',
};

export function targetPath(templatePath: string): string {
  return RENAMED[templatePath] ?? templatePath;
}

export function renderFile(path: string, text: string, values: TemplateValues): string {
  const filled = text
    .replaceAll('__name__', values.name)
    .replaceAll('__org__', values.org)
    .replaceAll('__unit__', values.unit)
    .replaceAll('__flags__', values.fromSource ? ' --conditions=@shoal/source' : '');
  if (path === 'package.json') return renderManifest(filled, values.shoal);
  return path === 'tsconfig.json' && values.fromSource ? withSourceCondition(filled) : filled;
}

function withSourceCondition(text: string): string {
  const config = JSON.parse(text) as { readonly compilerOptions: object };
  const compilerOptions = { ...config.compilerOptions, customConditions: ['@shoal/source'] };
  return `${JSON.stringify({ ...config, compilerOptions }, null, 2)}\n`;
}

function renderManifest(text: string, shoal: Readonly<Record<string, string>>): string {
  const manifest = JSON.parse(text) as Record<string, unknown>;
  for (const group of ['dependencies', 'devDependencies']) {
    const ranges = (manifest[group] ?? {}) as Record<string, string>;
    for (const [name, range] of Object.entries(ranges)) {
      if (range !== SHOAL_RANGE) continue;
      const known = shoal[name];
      if (known === undefined)
        throw new Error(`the template depends on ${name}, which is not a package of Shoal`);
      ranges[name] = known;
    }
  }
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
