import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { Console } from '../io/console.ts';
import type { Signal } from '../io/signal.ts';

export const ConsoleContext = createContext<Console | undefined>(undefined);

export function useConsole(): Console {
  const console = useContext(ConsoleContext);
  if (console === undefined) throw new Error('no console is open');
  return console;
}

/** Renders again when the signal tells a change; the number is a key for memos. */
export function useSignal({ subscribe, snapshot }: Signal): number {
  return useSyncExternalStore(subscribe, snapshot);
}

/** The time now, renewed every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Shoal`;
  }, [title]);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
