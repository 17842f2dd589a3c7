import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderWorkOrder } from '@shoal/fleet-coordinator';
import type { WorkOrder } from '@shoal/protocol';

const DEFAULT_FOLDER = fileURLToPath(new URL('../../.shoal/work-orders', import.meta.url));
/** Pages that stay; older ones are removed. */
const KEPT_PAGES = 50;

/**
 * Writes the order as a page and returns a line that says where. The page is made here, of the checked order, and not taken from the
 * session: whatever an agent put into its artifact does not reach a browser this way. Never throws.
 */
export function writeOrderPage(folder: string | undefined, order: WorkOrder): string {
  const target = folder === undefined ? DEFAULT_FOLDER : resolve(folder);
  try {
    mkdirSync(target, { recursive: true });
    const file = join(target, `${order.workOrderId}.html`);
    writeFileSync(file, renderWorkOrder(order));
    removeOldest(target);
    return `to read and print: ${file}`;
  } catch (error) {
    return `its page could not be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function removeOldest(folder: string): void {
  const pages = readdirSync(folder)
    .filter((name) => /^WO-[\w.-]+\.html$/.test(name))
    .map((name) => ({ name, writtenMs: statSync(join(folder, name)).mtimeMs }))
    .toSorted((a, b) => b.writtenMs - a.writtenMs);
  for (const { name } of pages.slice(KEPT_PAGES)) rmSync(join(folder, name), { force: true });
}
