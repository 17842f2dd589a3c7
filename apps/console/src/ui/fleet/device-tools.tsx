import type { AgentAddress, Message, Task } from '@shoal/protocol';
import { useEffect, useState, type ReactNode } from 'react';
import { formFields, readForm } from '../../core/form-schema.ts';
import { stateText } from '../../core/conversation.ts';
import { needsConfirmation, type ToolView } from '../../core/tool-view.ts';
import { decideTask, listDeviceTools, orderTool } from '../../io/device-tools.ts';
import { messageOf, useConsole } from '../hooks.ts';
import { RiskBadge } from '../parts/badge.tsx';
import { Confirm, type Question } from '../parts/confirm.tsx';
import { Choice, Field } from '../parts/field.tsx';
import { ArtifactView, PartBody } from '../parts/part.tsx';
import { Empty, Notice } from '../parts/page-head.tsx';

interface DeviceToolsProps {
  readonly address: AgentAddress;
  readonly deviceId: string;
}

export function DeviceTools({ address, deviceId }: DeviceToolsProps): ReactNode {
  const { credentials, scope } = useConsole();
  const [tools, setTools] = useState<readonly ToolView[] | undefined>();
  const [failure, setFailure] = useState<string | undefined>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    listDeviceTools(credentials, { ...scope, deviceId }, stop.signal).then(setTools, (error: unknown) => {
      if (!stop.signal.aborted) setFailure(messageOf(error));
    });
    return () => stop.abort();
  }, [credentials, scope, deviceId, round]);
  return (
    <section className="panel" aria-label="Tools">
      <div className="panel-head">
        <h2>Tools</h2>
        <span className="muted">orders go through {address.agentId}, the one door to the device</span>
      </div>
      {failure !== undefined && (
        <Notice tone="warn">
          The device does not tell its tools: {failure}{' '}
          <button
            type="button"
            className="button button-small"
            onClick={() => {
              setFailure(undefined);
              setRound(round + 1);
            }}
          >
            Try again
          </button>
        </Notice>
      )}
      {tools === undefined && failure === undefined && <Empty title="Asking the device for its tools …" />}
      {tools?.length === 0 && <Empty title="The device has no tools" />}
      <div className="tools">
        {tools?.map((tool) => (
          <Tool key={tool.name} tool={tool} address={address} />
        ))}
      </div>
    </section>
  );
}

function Tool({ tool, address }: { readonly tool: ToolView; readonly address: AgentAddress }): ReactNode {
  const { requester } = useConsole();
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [answer, setAnswer] = useState<Task | Message | undefined>();
  const [failure, setFailure] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const [question, setQuestion] = useState<Question | undefined>();
  const fields = formFields(tool.inputSchema);
  const run = async (work: () => Promise<Task | Message>): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      setAnswer(await work());
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  const submit = (): void => {
    const read = readForm(fields, texts);
    setErrors(read.ok ? {} : read.errors);
    if (!read.ok) return;
    const order = (): Promise<void> => run(() => orderTool(requester, address, tool.name, read.value));
    if (!needsConfirmation(tool.risk)) return void order();
    setQuestion({
      title: `${tool.title} on ${address.agentId}?`,
      text: (
        <p>
          <RiskBadge risk={tool.risk} /> This changes the real device. {tool.name}{' '}
          {JSON.stringify(read.value)}
          {!tool.declared && ' The device does not say how risky this is; it is taken for the worst.'}
        </p>
      ),
      action: tool.title,
      danger: tool.risk === 'disruptive' || tool.risk === 'dangerous',
      onYes: order,
    });
  };
  return (
    <details className="tool">
      <summary>
        <span className="tool-name">{tool.title}</span>
        <span className="muted mono">{tool.name}</span>
        <RiskBadge risk={tool.risk} />
      </summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <p className="muted">{tool.description}</p>
        {fields.map((field) => {
          const set = (value: string): void => setTexts({ ...texts, [field.name]: value });
          const value = texts[field.name] ?? '';
          if (field.kind === 'choice' || field.kind === 'boolean') {
            const choices = field.kind === 'boolean' ? ['true', 'false'] : field.choices;
            return (
              <Choice
                key={field.name}
                label={field.required ? field.label : `${field.label} (optional)`}
                value={value}
                onChange={set}
                options={[['', '–'], ...choices.map((c) => [c, c] as const)]}
              />
            );
          }
          return (
            <Field
              key={field.name}
              label={field.required ? field.label : `${field.label} (optional)`}
              value={value}
              onChange={set}
              help={field.help}
              error={errors[field.name]}
            />
          );
        })}
        <button type="submit" className="button" disabled={busy}>
          {busy ? 'Waiting for the answer …' : tool.risk === 'read' ? 'Read' : `${tool.title} …`}
        </button>
      </form>
      <div role="status">
        {failure !== undefined && <Notice tone="bad">{failure}</Notice>}
        {answer !== undefined && (
          <ToolAnswer
            answer={answer}
            busy={busy}
            onDecide={(taskId, word) => void run(() => decideTask(requester, address, taskId, word))}
          />
        )}
      </div>
      {question !== undefined && <Confirm question={question} onClose={() => setQuestion(undefined)} />}
    </details>
  );
}

interface ToolAnswerProps {
  readonly answer: Task | Message;
  readonly busy: boolean;
  readonly onDecide: (taskId: string, word: 'approve' | 'deny') => void;
}

/** What the agent answered; where it asks for a person's word, the two buttons that give it. */
function ToolAnswer({ answer, busy, onDecide }: ToolAnswerProps): ReactNode {
  if (!('status' in answer))
    return (
      <>
        {answer.parts.map((part, index) => (
          <PartBody key={index} part={part} />
        ))}
      </>
    );
  const { status, artifacts = [], id } = answer;
  return (
    <div className="tool-answer">
      <p className="muted">Answer: {stateText(status.state)}</p>
      {status.message?.parts.map((part, index) => (
        <PartBody key={index} part={part} />
      ))}
      {artifacts.map((artifact) => (
        <ArtifactView key={artifact.artifactId} artifact={artifact} />
      ))}
      {status.state === 'TASK_STATE_INPUT_REQUIRED' && (
        <div className="row">
          <button
            type="button"
            className="button button-main"
            disabled={busy}
            onClick={() => onDecide(id, 'approve')}
          >
            Approve
          </button>
          <button
            type="button"
            className="button button-danger"
            disabled={busy}
            onClick={() => onDecide(id, 'deny')}
          >
            Deny
          </button>
        </div>
      )}
    </div>
  );
}
