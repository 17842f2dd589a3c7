import { useEffect, useState } from 'react';

export type Theme = 'light' | 'dark';
const KEY = 'shoal-console-theme';

/** What the person chose, else what the system wants. Only this choice is kept in the browser. */
export function useTheme(): { readonly theme: Theme; readonly toggle: () => void } {
  const [theme, setTheme] = useState<Theme>(readTheme);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return {
    theme,
    toggle() {
      const next = theme === 'dark' ? 'light' : 'dark';
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // Storage may be switched off; the choice then lasts as long as the page.
      }
      setTheme(next);
    },
  };
}

function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept === 'light' || kept === 'dark') return kept;
  } catch {
    // As above.
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
