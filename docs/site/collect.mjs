/** Copies the pages of the repository into `src`, where they were: links between them keep working. The start page is the README. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = fileURLToPath(new URL('src', import.meta.url));

const within = (folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...within('docs'),
  ...within('docs/decisions'),
  ...['protocol', 'protocol/python', 'protocol/go', ...within('packages'), ...within('apps')].map(
    (folder) => `${folder}/README.md`,
  ),
  ...within('packages').flatMap((folder) =>
    existsSync(join(root, folder, 'docs')) ? within(`${folder}/docs`) : [],
  ),
].filter((page) => page.endsWith('.md') && existsSync(join(root, page)));

rmSync(target, { recursive: true, force: true });
for (const page of pages) {
  const file = join(target, page);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, onSite(readFileSync(join(root, page), 'utf8'), page));
}
const start = readFileSync(join(target, 'README.md'), 'utf8');
writeFileSync(join(target, 'index.md'), start);
cpSync(join(root, 'docs/images'), join(target, 'docs/images'), { recursive: true });
process.stdout.write(`${pages.length} pages\n`);

/** What is not a page of the site, a source file or a folder, is named and not linked to. */
function onSite(text, page) {
  return text.replaceAll(/(!?)\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, image, words, link) => {
    if (image !== '' || /^(https?:|mailto:|#)/.test(link)) return whole;
    const path = relative(root, join(root, dirname(page), link.replace(/#.*$/, '')));
    return pages.includes(path) ? whole : words;
  });
}
