import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const src = fileURLToPath(new URL('../src', import.meta.url));

const titleOf = (file) => /^# (.+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? file;
const entries = (folder, page = (name) => `${folder}/${name.replace(/\.md$/, '')}`) =>
  readdirSync(`${src}/${folder}`)
    .filter((name) => name.endsWith('.md') || existsSync(`${src}/${folder}/${name}/README.md`))
    .map((name) =>
      name.endsWith('.md') ? [name, page(name)] : [`${name}/README.md`, `${folder}/${name}/README`],
    )
    .map(([file, link]) => ({ text: titleOf(`${src}/${folder}/${file}`), link: `/${link}` }));
const sidebarFile = `${src}/reference/typedoc-sidebar.json`;
const reference = existsSync(sidebarFile) ? JSON.parse(readFileSync(sidebarFile, 'utf8')) : [];

export default defineConfig({
  title: 'Shoal',
  description: 'One AI agent per device, coordinated over an MQTT 5 broker.',
  srcDir: 'src',
  outDir: 'dist',
  lastUpdated: false,
  // Pages are written for readers of the repository: a tag in them is text, and braces are not Vue's.
  markdown: { html: false, config: (md) => md.core.ruler.push('literal-braces', literalBraces) },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Tutorial', link: '/docs/tutorial' },
      { text: 'Architecture', link: '/docs/architecture' },
      { text: 'Reference', link: '/reference/' },
    ],
    sidebar: [
      {
        text: 'Start',
        items: [
          { text: 'Shoal', link: '/' },
          ...entries('docs').filter(({ link }) => !link.includes('decisions')),
        ],
      },
      {
        text: 'Packages',
        collapsed: false,
        items: [
          { text: '@shoal/protocol', link: '/protocol/README' },
          ...entries('protocol').filter(({ link }) => link !== '/protocol/README'),
          ...entries('packages'),
        ],
      },
      { text: 'Programs', items: entries('apps') },
      { text: 'Decisions', collapsed: true, items: entries('docs/decisions') },
      { text: 'Reference', collapsed: true, items: reference },
      {
        text: 'Project',
        items: [
          { text: 'Contributing', link: '/CONTRIBUTING' },
          { text: 'Security', link: '/SECURITY' },
        ],
      },
    ],
  },
});

function literalBraces({ tokens }) {
  for (const token of tokens)
    for (const child of token.children ?? [])
      if (child.type === 'text' && child.content.includes('{{'))
        child.content = child.content.replaceAll('{{', '{\u200b{');
}
