/** True when one of the ids is this one, or ends in `*` and is its beginning. */
export const fitsClientId = (ids: readonly string[], clientId: string): boolean =>
  ids.some((id) => (id.endsWith('*') ? clientId.startsWith(id.slice(0, -1)) : clientId === id));
