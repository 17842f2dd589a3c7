/** Bytes in Node; `bytes.browser.ts` takes its place in a browser (field `browser` of package.json). */
export { Buffer, isUtf8 } from 'node:buffer';
