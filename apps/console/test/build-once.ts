import { buildConsole } from '../serve/build-console.ts';

export default async function setup(): Promise<void> {
  await buildConsole();
}
