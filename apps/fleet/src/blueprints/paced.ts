import { setTimeout as delay } from 'node:timers/promises';
import type { Blueprint } from '@shoal/workflow';

/** Makes a step take at least `seconds`, so that somebody can watch it, or kill it. The result exists only afterwards. */
export function paced(blueprint: Blueprint, seconds: number): Blueprint {
  if (seconds === 0) return blueprint;
  return {
    ...blueprint,
    async run(context) {
      const pause = delay(seconds * 1000, undefined, { signal: context.signal });
      const [output] = await Promise.all([blueprint.run(context), pause]);
      return output;
    },
  };
}
