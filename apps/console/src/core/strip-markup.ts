import { Parser } from 'htmlparser2';

export interface MarkupRules {
  readonly tags: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
  /** SVG: names keep their case. */
  readonly xml: boolean;
}

/** What stands inside is no text for people: it goes with its element. */
const SILENT: ReadonlySet<string> = new Set(
  'script style iframe object embed template noscript noembed noframes title head xmp plaintext textarea select foreignobject math'.split(
    ' ',
  ),
);
const VOID: ReadonlySet<string> = new Set(['br', 'hr']);

/**
 * Writes markup anew with nothing but the tags and attributes that are allowed, without a DOM: a browser's parser would act on styles
 * and handlers, or report them to the page's policy, before anybody could take them out. Not the only guard: what comes out is sanitised again.
 */
export function stripMarkup(markup: string, { tags, attributes, xml }: MarkupRules): string {
  let out = '';
  let silent = 0;
  const open: string[] = [];
  const parser = new Parser(
    {
      onopentag(name, given) {
        if (silent > 0 || SILENT.has(name.toLowerCase())) {
          silent += 1;
          return;
        }
        if (!tags.has(name)) return;
        const kept = Object.entries(given).filter(([key]) => attributes.has(key));
        out += `<${name}${kept.map(([key, value]) => ` ${key}="${escape(value)}"`).join('')}>`;
        if (!VOID.has(name)) open.push(name);
      },
      ontext(text) {
        if (silent === 0) out += escape(text);
      },
      onclosetag(name) {
        if (silent > 0) {
          silent -= 1;
          return;
        }
        if (open.at(-1) !== name) return;
        open.pop();
        out += `</${name}>`;
      },
    },
    { xmlMode: xml, decodeEntities: true, recognizeSelfClosing: xml },
  );
  parser.end(markup);
  return (
    out +
    open
      .toReversed()
      .map((name) => `</${name}>`)
      .join('')
  );
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
