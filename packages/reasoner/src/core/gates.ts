import type { ToolGate } from '../types.ts';

/** Admits nothing: what counts when no gate is given. */
export const closedGate: ToolGate = {
  admit: () => ({ admitted: false, reason: 'no gate is configured, so no tool may be called' }),
};

/** Admits the tools with these names. */
export function allowTools(names: readonly string[]): ToolGate {
  const allowed = new Set(names);
  return {
    admit: ({ tool }) =>
      allowed.has(tool.name)
        ? { admitted: true }
        : { admitted: false, reason: `${tool.name} is not among the tools that may be called` },
  };
}

/** Admits what says of itself that it changes nothing. For servers that are trusted to say so. */
export const readOnlyGate: ToolGate = {
  admit: ({ tool }) =>
    tool.readOnly === true
      ? { admitted: true }
      : { admitted: false, reason: `${tool.name} may change something` },
};
