import { useId, useState, type ReactNode } from 'react';
import type { Question } from '../../io/conversation-store.ts';
import { useConsole, useSignal } from '../hooks.ts';
import { Field } from '../parts/field.tsx';

interface ComposerProps {
  /** Chosen already: the field is filled in. */
  readonly target: string | undefined;
  /** A follow-up: the agent cannot be changed. */
  readonly fixed?: boolean;
  readonly label?: string;
  readonly onSend: (target: string, question: Question) => void;
}

const MOST_SUGGESTED = 200;

export function Composer({ target, fixed = false, label = 'Message', onSend }: ComposerProps): ReactNode {
  const { fleet } = useConsole();
  useSignal(fleet.signal);
  const list = useId();
  const [agentId, setAgentId] = useState(target ?? '');
  const [text, setText] = useState('');
  const [data, setData] = useState('');
  const [stream, setStream] = useState(true);
  const [errors, setErrors] = useState<{
    readonly agent?: string;
    readonly data?: string;
    readonly text?: string;
  }>({});
  const send = (): void => {
    const read = readData(data);
    const faults = {
      ...(agentId.trim() === '' ? { agent: 'Which agent?' } : {}),
      ...('error' in read ? { data: read.error } : {}),
      ...(text.trim() === '' && data.trim() === '' ? { text: 'Write a message, or give data' } : {}),
    };
    setErrors(faults);
    if (Object.keys(faults).length > 0 || 'error' in read) return;
    onSend(agentId.trim(), {
      text: text.trim(),
      stream,
      ...(read.value === undefined ? {} : { data: read.value }),
    });
    setText('');
    setData('');
  };
  return (
    <form
      className="panel composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
      }}
    >
      {!fixed && (
        <>
          <Field
            label="Agent"
            value={agentId}
            onChange={setAgentId}
            list={list}
            error={errors.agent}
            help="An agent or a workflow of this unit"
          />
          <datalist id={list}>
            {fleet
              .rows()
              .slice(0, MOST_SUGGESTED)
              .map(({ agentId, name }) => (
                <option key={agentId} value={agentId}>
                  {name}
                </option>
              ))}
          </datalist>
        </>
      )}
      <Field
        label={label}
        value={text}
        onChange={setText}
        rows={3}
        error={errors.text}
        help="Ctrl+Enter sends"
      />
      <details className="disclosure">
        <summary>Data</summary>
        <Field
          label="Data (JSON)"
          value={data}
          onChange={setData}
          rows={4}
          error={errors.data}
          placeholder='{"skill":"status"}'
        />
      </details>
      <div className="row">
        <button type="submit" className="button button-main">
          Send
        </button>
        <label className="check">
          <input type="checkbox" checked={stream} onChange={(event) => setStream(event.target.checked)} />
          Stream progress
        </label>
      </div>
    </form>
  );
}

function readData(text: string): { readonly value: unknown } | { readonly error: string } {
  if (text.trim() === '') return { value: undefined };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { error: `This is no JSON: ${error instanceof Error ? error.message : ''}` };
  }
}
