import type { ReactNode } from 'react';

/** What a step of a session asks a person, before the word is given. */
export function WordOn({ prompt }: { readonly prompt: string }): ReactNode {
  return (
    <>
      <p className="said">{prompt}</p>
      <p>Your word takes effect at once and cannot be taken back.</p>
    </>
  );
}
