import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const CANDIDATES = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The browser's program, or undefined when there is none. */
export const chromiumPath = CANDIDATES.find((path) => path !== undefined && existsSync(path));

export function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('no Chromium is installed: set CHROMIUM_PATH');
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What must stay empty: errors of the page, breaches of its policy, requests to other hosts. */
  readonly problems: string[];
}

export interface VisitOptions {
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
}

/** A fresh profile that notes whatever a console must never do. */
export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { theme = 'light', width = 1360, height = 900 } = options;
  const context = await browser.newContext({
    colorScheme: theme,
    viewport: { width, height },
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems: string[] = [];
  const { host } = new URL(url);
  page.on('pageerror', (error) => problems.push(`error: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.protocol !== 'blob:' && to.host !== host) problems.push(`request to ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI} ${sourceFile}`),
    );
  });
  await page.goto(url);
  return { context, page, problems };
}

/** Signs in as somebody does: the broker is filled in. */
export async function signIn(
  page: Page,
  { org, unit }: { readonly org: string; readonly unit: string },
): Promise<void> {
  await page.getByText('Unit and name').click();
  await page.getByLabel('Organisation').fill(org);
  await page.getByLabel('Unit', { exact: true }).fill(unit);
  await page.getByLabel('Your name').fill('lea');
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByRole('heading', { name: 'Fleet', exact: true }).waitFor();
}
