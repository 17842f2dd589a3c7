import type { WorkOrder } from '@shoal/protocol';

/**
 * The order as one page for people: no script, nothing fetched, fit for print. Everything in it that came from elsewhere is text, never
 * markup; the page's own policy forbids the rest.
 */
export function renderWorkOrder(order: WorkOrder): string {
  const { finding, production, protection } = order;
  const rows: readonly (readonly [string, string])[] = [
    ['Device', order.site === undefined ? order.deviceId : `${order.deviceId}, ${order.site}`],
    [
      'Work',
      `${when(order.startAt)} to ${when(order.endAt)} (UTC)${order.late ? ', later than the finding asks for' : ''}`,
    ],
    ['Technicians', order.technicians.map(({ name, id }) => `${name} (${id})`).join(', ')],
    [
      'Finding',
      `${finding.verdict} at ${finding.component}, ${Math.round(finding.confidence * 100)} % sure, seen ${when(order.detectedAt)}`,
    ],
    ['Until then', protectionText(protection)],
    [
      'Production',
      `${production.demandPercent} % demand at the worst hour; ${production.shortfallPercent} % of its capacity uncovered`,
    ],
    [
      'Load taken over by',
      production.coveredBy
        .map(({ deviceId, headroomPercent }) => `${deviceId} (up to ${headroomPercent} %)`)
        .join(', ') || 'nobody',
    ],
    ['Never down together with', production.notTogetherWith.join(', ') || 'none known'],
  ];
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width">',
    `<title>${text(order.workOrderId)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${text(order.workOrderId)}: ${text(order.action)}</h1>`,
    '<table>',
    ...rows.map(([name, value]) => `<tr><th scope="row">${text(name)}</th><td>${text(value)}</td></tr>`),
    '</table>',
    parts(order),
    list('Evidence', finding.evidence),
    list('Why this slot', order.reasons),
    list('What else there was', order.rejected),
    list('Assumed', order.assumptions),
    '<p class="sign">Done by <span></span> on <span></span></p>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const STYLE =
  'body{font:11pt/1.4 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}' +
  'h1{font-size:15pt}h2{font-size:12pt;margin-bottom:.2rem}table{border-collapse:collapse;width:100%}' +
  'th,td{border:1px solid #999;padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{width:12rem}' +
  'li{overflow-wrap:anywhere}.sign{margin-top:3rem}.sign span{display:inline-block;min-width:12rem;border-bottom:1px solid #111}' +
  '@media print{body{margin:0;max-width:none}table,ul{break-inside:avoid}@page{size:A4;margin:15mm}}';

function parts({ parts: needed }: WorkOrder): string {
  if (needed.length === 0) return '<p>No part needed.</p>';
  const rows = needed.map(
    ({ sku, name, quantity, inStock, availableAt }) =>
      `<tr><td>${text(sku)}</td><td>${text(name)}</td><td>${quantity}</td><td>${
        inStock ? 'in stock' : `to be ordered, there by ${text(when(availableAt))}`
      }</td></tr>`,
  );
  return `<h2>Parts</h2>\n<table><tr><th>Number</th><th>Part</th><th>Pieces</th><th>Where</th></tr>${rows.join('')}</table>`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return `<h2>${title}</h2>\n<p>Nothing.</p>`;
  return `<h2>${title}</h2>\n<ul>${lines.map((line) => `<li>${text(line)}</li>`).join('')}</ul>`;
}

function protectionText(protection: WorkOrder['protection']): string {
  if (protection === null) return 'nothing was changed';
  const speed = `${Math.round(protection.speedRpm)} rpm`;
  return protection.applied ? `runs at ${speed}` : `could not be slowed down to ${speed}`;
}

function when(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters, and the marks that turn the direction of writing around. */
const HIDDEN = /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

function text(value: string): string {
  return value.replaceAll(HIDDEN, ' ').replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}
