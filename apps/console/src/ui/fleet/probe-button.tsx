import type { AgentAddress } from '@shoal/protocol';
import { useState, type ReactNode } from 'react';
import { messageOf, useConsole } from '../hooks.ts';

/** Asks the agent whether it is there; the answer changes its presence. */
export function ProbeButton({ address }: { readonly address: AgentAddress }): ReactNode {
  const { fleet } = useConsole();
  const [said, setSaid] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const probe = async (): Promise<void> => {
    setBusy(true);
    try {
      const { state } = await fleet.registry.probe(address);
      setSaid(state === 'online' ? 'It answered.' : `It is ${state}.`);
    } catch (error) {
      setSaid(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <span className="muted" role="status">
        {said}
      </span>
      <button type="button" className="button" disabled={busy} onClick={() => void probe()}>
        {busy ? 'Asking …' : 'Is it there?'}
      </button>
    </>
  );
}
