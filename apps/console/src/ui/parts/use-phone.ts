import { useSyncExternalStore } from 'react';

const query = matchMedia('(max-width: 720px)');

function subscribe(listener: () => void): () => void {
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
}

/** The same width as in the style sheets: rows are of two lines then. */
export function usePhone(): boolean {
  return useSyncExternalStore(subscribe, () => query.matches);
}
