import { readFile } from 'node:fs/promises';

const root = new URL('../../../', import.meta.url);

/** Of `file: title`: the title, and the text of the file, from the top of the repository. */
export async function readNamedTest(
  named: string,
): Promise<{ readonly title: string; readonly text: string }> {
  const [file = '', title = ''] = named.split(/: (.*)/s);
  return { title, text: await readFile(new URL(file, root), 'utf8') };
}
