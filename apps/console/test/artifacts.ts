import type { Part } from '@shoal/protocol';

/** Tries to run, and to load from elsewhere, wherever it is taken for markup. `window.pwned` tells whether it did. */
export const XSS = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;

const HOSTILE_HTML = `<h3>Report</h3><p>The bearing is <b>worn</b>.</p>${XSS}<style>body{display:none}</style>
<p style="position:fixed;inset:0;background:red" onclick="window.pwned=1">text</p><a href="javascript:window.pwned=1">bad link</a>
<a href="https://example.org/manual">the manual</a><iframe srcdoc="<script>parent.pwned=1</script>"></iframe>
<form action="https://evil.example/"><input name="password"></form><svg onload="window.pwned=1"><use href="https://evil.example/x.svg#a"/></svg>
<img src="https://evil.example/track.gif"><math><mtext><table><mglyph><style><img src=x onerror="window.pwned=1">`;

const HOSTILE_SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 120" font-family="sans-serif" font-size="12" onload="window.pwned=1">
<script>window.pwned=1</script><image href="https://evil.example/x.png" width="9" height="9"/><foreignObject><body onload="window.pwned=1"/></foreignObject>
<rect width="320" height="120" fill="#fff"/><path d="M10 110 L60 40 L90 95 L140 20 L190 90 L240 60 L310 100" fill="none" stroke="#0a6670" stroke-width="2"/>
<text x="140" y="14">BPFI 162 Hz</text></svg>`;

const MARKDOWN = `## Findings

- inner race, **99 %**
- load [javascript](javascript:window.pwned=1) and [the norm](https://example.org/iso)

| part | stock |
| --- | --- |
| BRG-6205-2RS | 4 |

<img src=x onerror="window.pwned=1">`;

const RED_DOT =
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC';

export const ARTIFACTS: readonly Part[] = [
  { text: `Plain words, and ${XSS}` },
  { text: MARKDOWN, mediaType: 'text/markdown' },
  { text: HOSTILE_HTML, mediaType: 'text/html' },
  { text: HOSTILE_SVG, mediaType: 'image/svg+xml' },
  { raw: RED_DOT, mediaType: 'image/png', filename: 'dot.png' },
  {
    data: [
      { part: 'BRG-6205-2RS', stock: 4, place: XSS },
      { part: 'SEAL-25', stock: 0, place: 'B2' },
    ],
  },
  { data: { nested: { note: XSS } } },
  { url: 'https://example.org/drawing.pdf', filename: 'drawing.pdf' },
  { url: 'javascript:window.pwned=1' },
  { raw: 'AAEC', mediaType: 'application/octet-stream', filename: 'raw.bin' },
];
