import DOMPurify from 'dompurify';
import { marked } from 'marked';
import { stripMarkup } from '../core/strip-markup.ts';

/**
 * Whatever an agent wrote is an attacker's until shown otherwise: no script, no style, no form, nothing that loads from elsewhere. Links stay,
 * and open apart.
 */
const HTML_TAGS = words(`
  a abbr b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark
  ol p pre s samp small span strong sub sup table tbody td tfoot th thead tr u ul var
`);
const HTML_ATTRIBUTES = words(`
  href title colspan rowspan scope lang dir
`);

const SVG_TAGS = words(`
  svg g defs title desc path rect circle ellipse line polyline polygon text tspan linearGradient
  radialGradient stop clipPath mask pattern marker symbol
`);
const SVG_ATTRIBUTES = words(`
  xmlns viewBox width height x y x1 x2 y1 y2 dx dy cx cy r rx ry d points transform fill
  fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin
  stroke-dasharray opacity font-family font-size font-weight text-anchor offset id stop-color
  stop-opacity gradientUnits gradientTransform preserveAspectRatio clip-path mask rotate
  dominant-baseline letter-spacing marker-end marker-start patternUnits refX refY orient
  visibility markerWidth markerHeight color class role
`);

const HTML_RULES = { tags: new Set(HTML_TAGS), attributes: new Set(HTML_ATTRIBUTES), xml: false };
const SVG_RULES = { tags: new Set(SVG_TAGS), attributes: new Set(SVG_ATTRIBUTES), xml: true };

const purify = DOMPurify(window);
purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A') return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer nofollow');
});

export function safeHtml(html: string): string {
  return purify.sanitize(stripMarkup(html, HTML_RULES), {
    ALLOWED_TAGS: HTML_TAGS,
    ALLOWED_ATTR: HTML_ATTRIBUTES,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

export function safeMarkdown(text: string): string {
  return safeHtml(marked.parse(text, { async: false, gfm: true }));
}

/**
 * A drawing for an <img>: as an image it runs no script and loads nothing, whatever it holds; what would try is taken out all the same.
 * Undefined when nothing is left.
 */
export function safeSvg(svg: string): string | undefined {
  const clean = purify.sanitize(stripMarkup(svg, SVG_RULES), { USE_PROFILES: { svg: true } });
  if (!/<svg[\s>]/.test(clean)) return undefined;
  return clean.includes('xmlns=') ? clean : clean.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"');
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
