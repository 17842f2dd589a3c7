/** Every link of the built site, its anchor too, leads to a page of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const site = fileURLToPath(new URL('dist', import.meta.url));
const pages = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.html'),
);

const idsByPage = new Map();
function idsOf(file) {
  let ids = idsByPage.get(file);
  if (ids === undefined) {
    ids = new Set([...readFileSync(file, 'utf8').matchAll(/ id="([^"]+)"/g)].map(([, id]) => decode(id)));
    idsByPage.set(file, ids);
  }
  return ids;
}

function decode(text) {
  return text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");
}

let links = 0;
const broken = [];
for (const page of pages.filter((name) => name !== '404.html')) {
  const file = join(site, page);
  for (const [, raw] of readFileSync(file, 'utf8').matchAll(/<a\b[^>]*? href="([^"]*)"/g)) {
    if (/^[a-z]+:/i.test(raw)) continue;
    links += 1;
    const [path, anchor = ''] = decodeURI(decode(raw)).split('#');
    const to =
      path === '' ? file : pageAt(path.startsWith('/') ? join(site, path) : resolve(dirname(file), path));
    if (to === undefined) broken.push(`${page}: ${raw} is no page`);
    else if (anchor !== '' && !idsOf(to).has(anchor))
      broken.push(`${page}: ${relative(site, to)} has no #${anchor}`);
  }
}

function pageAt(path) {
  return [path, `${path}.html`, join(path, 'index.html')].find(
    (file) => /\.\w+$/.test(file) && existsSync(file),
  );
}

if (broken.length > 0) {
  process.stderr.write(`${[...new Set(broken)].join('\n')}\n`);
  process.exitCode = 1;
} else process.stdout.write(`${pages.length} pages, ${links} links: all lead somewhere\n`);
