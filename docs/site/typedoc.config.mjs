import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const within = (folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);

/** Programs, and a module that is loaded for what it does: they export nothing that a reader could call. */
const WITHOUT_NAMES = ['./command', './register'];

/** Every public export of every package that is published: path to its source, and how it is imported. */
export const entries = ['protocol', ...within('packages'), ...within('apps')].flatMap((folder) => {
  const file = join(root, folder, 'package.json');
  if (!existsSync(file)) return [];
  const { name, exports = {}, private: hidden = false } = JSON.parse(readFileSync(file, 'utf8'));
  if (hidden) return [];
  return Object.entries(exports)
    .filter(([subpath, target]) => target.types !== undefined && !WITHOUT_NAMES.includes(subpath))
    .map(([subpath, target]) => ({
      path: join(root, folder, target['@shoal/source'] ?? target.types),
      owner: name,
      name: join(name, subpath),
    }));
});

/** @type {import('typedoc').TypeDocOptions} */
export default {
  name: 'Reference',
  entryPoints: entries.map(({ path }) => path),
  tsconfig: 'tsconfig.json',
  skipErrorChecking: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  readme: 'none',
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme', './typedoc-plugin.mjs'],
  docsRoot: 'src',
  out: 'src/reference',
  router: 'module-apart',
  logLevel: 'Warn',
  // A name that a signature uses and no entry exports is a warning, as is a link that leads nowhere. Classes are described, and functions and constants: see the plugin.
  treatWarningsAsErrors: true,
  validation: { notDocumented: true },
  requiredToBeDocumented: ['Class'],
  packagesRequiringDocumentation: [...new Set(entries.map(({ owner }) => owner))],
  // Its comments are inherited; they link to what is described elsewhere.
  externalSymbolLinkMappings: {
    '@modelcontextprotocol/client': { '*': '#' },
    '@modelcontextprotocol/server': { '*': '#' },
  },
};
