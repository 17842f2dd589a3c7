import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { messageOf } from '../hooks.ts';
import { Notice } from './page-head.tsx';

export interface Question {
  readonly title: string;
  /** What will happen, and what cannot be taken back. */
  readonly text: ReactNode;
  readonly action: string;
  readonly danger?: boolean;
  /** Asks for a reason, which is handed on. */
  readonly reason?: boolean;
  /** Rejects with what went wrong; the dialog stays and shows it. */
  readonly onYes: (reason: string | undefined) => Promise<unknown>;
}

/** One question before something is done. The browser's own dialog keeps the focus inside and Escape closes it. */
export function Confirm({
  question,
  onClose,
}: {
  readonly question: Question;
  readonly onClose: () => void;
}): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const reasonId = useId();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | undefined>();
  const [reason, setReason] = useState('');
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const act = async (): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      await question.onYes(reason.trim() === '' ? undefined : reason.trim());
      onClose();
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <dialog className="dialog" ref={dialog} aria-labelledby={title} onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        <h2 id={title}>{question.title}</h2>
        <div className="dialog-text">{question.text}</div>
        {question.reason === true && (
          <div className="field">
            <label htmlFor={reasonId}>Reason (optional, stands in the record)</label>
            <input
              id={reasonId}
              value={reason}
              maxLength={500}
              onChange={(event) => setReason(event.target.value)}
            />
          </div>
        )}
        {failure !== undefined && <Notice tone="bad">{failure}</Notice>}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Not now
          </button>
          <button
            type="submit"
            className={question.danger === true ? 'button button-danger' : 'button button-main'}
            disabled={busy}
          >
            {busy ? 'Working …' : question.action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
