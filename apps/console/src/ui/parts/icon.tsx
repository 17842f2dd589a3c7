import type { ReactNode } from 'react';

const PATHS = {
  logo: 'M2 9c4-4 8-4 11 0l3-2v6l-3-2c-3 4-7 3-11-2zm8 8c4-4 7-4 10 0l2-1.5v5L20 19c-3 3-6 2-10-2z',
  fleet: 'M4 5h6v6H4zm10 0h6v6h-6zM4 15h6v4H4zm10 0h6v4h-6z',
  sessions: 'M3 6h6v4H3zm12 0h6v4h-6zM9 16h6v4H9zM6 10v3h12v-3M12 13v3',
  operations: 'M4 7h9m4 0h3M4 17h3m4 0h9M15 5v4M9 15v4',
  requests: 'M4 5h16v10H10l-4 4v-4H4z',
  registry: 'M5 4h14v16H5zm3 5h8m-8 4h8m-8 4h5',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0-6v3m0 14v3M2 12h3m14 0h3M5 5l2 2m10 10 2 2m0-14-2 2M7 17l-2 2',
  moon: 'M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z',
  leave: 'M14 4h5v16h-5M10 8l-4 4 4 4m-4-4h10',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20',
  back: 'M14 6l-6 6 6 6',
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: what it means stands beside it, or in the label of its button. */
export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg
      className={name === 'logo' ? 'icon icon-solid' : 'icon'}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
