import { config } from 'zod';

/**
 * Imported before everything else: without it the MCP client tries, as it loads, whether code may be made from strings, which the page's
 * policy forbids and reports.
 */
config({ jitless: true });
