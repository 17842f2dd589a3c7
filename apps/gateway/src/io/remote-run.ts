import { Message as SdkMessage, Part as SdkPart, TaskState } from '@a2a-js/sdk';
import type { Artifact, StreamResponse, Task, TaskStatus } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import type { Output, TaskContext } from '@shoal/agent-sdk';
import type { Part } from '@shoal/protocol';
import { setTimeout as delay } from 'node:timers/promises';
import type { RemoteTask } from '../core/remote-tasks.ts';

export interface RemoteRunSupport {
  /** The whole agent stops: the HTTP agent goes on, for a successor to hear of. */
  stopping(): boolean;
  /** Resolves when the broker has it; undefined: over. */
  remember(remote: RemoteTask | undefined): Promise<void>;
}

/** Times that a lost stream is taken up again, a little later each time. */
const MOST_RETURNS = 6;
const FIRST_RETURN_MS = 250;

/** One message passed on to the HTTP agent, and all that comes of it passed back. */
export class RemoteRun {
  readonly #client: Client;
  readonly #task: TaskContext;
  readonly #support: RemoteRunSupport;
  #remote: RemoteTask | undefined;
  /** Whether the HTTP agent waits for the next message of the task. */
  #waits = false;
  /** The message answers a question, and the stream may begin with the task as it was when it asked. */
  #isAnswer = false;
  /** What ends the run here; set once. */
  #end: { readonly output?: Output } | undefined;

  constructor(client: Client, task: TaskContext, known: RemoteTask | undefined, support: RemoteRunSupport) {
    this.#client = client;
    this.#task = task;
    this.#remote = known;
    this.#support = support;
  }

  async run(): Promise<Output | undefined> {
    const { message, signal } = this.#task;
    const canceled = (): void => {
      const id = this.#remote?.taskId;
      if (id === undefined || this.#support.stopping()) return;
      void this.#client.cancelTask({ tenant: '', id, metadata: undefined }).catch((error: unknown) => {
        this.#task.logger.warn('the HTTP agent did not cancel', { taskId: id, error: String(error) });
      });
    };
    signal.addEventListener('abort', canceled, { once: true });
    const isAgain = this.#remote?.messageId === message.messageId;
    this.#isAnswer = !isAgain && this.#remote?.taskId !== undefined;
    try {
      if (!isAgain) await this.#follow(await this.#send());
      await this.#followToTheEnd();
    } finally {
      signal.removeEventListener('abort', canceled);
      if (!this.#support.stopping() && !this.#waits) await this.#support.remember(undefined);
    }
    return this.#end?.output;
  }

  async #send(): Promise<AsyncIterable<StreamResponse>> {
    const { message, contextId } = this.#task;
    const { taskId, contextId: remoteContext } = this.#remote ?? {};
    await this.#remember({ ...this.#remote, messageId: message.messageId });
    const passed = SdkMessage.fromJSON({
      ...message,
      taskId: taskId ?? '',
      contextId: remoteContext ?? contextId,
    });
    return this.#client.sendMessageStream({
      tenant: '',
      message: passed,
      configuration: undefined,
      metadata: { ...this.#task.requestMetadata },
    });
  }

  /** Until the task is at its end or asks for something; a stream that breaks is taken up again, for as often as makes sense. */
  async #followToTheEnd(): Promise<void> {
    for (let time = 0; this.#end === undefined && !this.#task.signal.aborted; time += 1) {
      const id = this.#remote?.taskId;
      if (id === undefined)
        return this.#fail(
          'the HTTP agent could not be reached, and whether it took the message is not known',
        );
      if (time > MOST_RETURNS) return this.#fail('the HTTP agent was lost while it worked on the task');
      if (time > 0) await delay(FIRST_RETURN_MS * 2 ** (time - 1), undefined, { signal: this.#task.signal });
      try {
        await this.#take(await this.#client.getTask({ tenant: '', id }));
        if (this.#end === undefined) await this.#follow(this.#client.resubscribeTask({ tenant: '', id }));
      } catch (error) {
        if (error instanceof Error && error.name.includes('TaskNotFound'))
          return this.#fail('the HTTP agent no longer knows the task');
        this.#task.logger.warn('the HTTP agent is not answering', { taskId: id, error: String(error) });
      }
    }
  }

  async #follow(stream: AsyncIterable<StreamResponse>): Promise<void> {
    try {
      for await (const item of stream) {
        await this.#item(item);
        if (this.#end !== undefined || this.#task.signal.aborted) return;
      }
    } catch (error) {
      // Refused before there was a task: that is the answer.
      if (
        this.#remote?.taskId === undefined &&
        error instanceof Error &&
        error.name.endsWith('Error') &&
        'reason' in error
      )
        return this.#fail(`the HTTP agent refused: ${error.message}`);
      this.#task.logger.warn('the stream of the HTTP agent broke', { error: String(error) });
    }
  }

  async #item({ payload }: StreamResponse): Promise<void> {
    if (payload === undefined) return;
    if (payload.$case === 'message') {
      this.#end = { output: { parts: partsOf(payload.value.parts) } };
    } else if (payload.$case === 'task') {
      const asksStill = payload.value.status?.state === TaskState.TASK_STATE_INPUT_REQUIRED;
      if (!(this.#isAnswer && asksStill)) await this.#take(payload.value);
    } else if (payload.$case === 'artifactUpdate') {
      const { artifact, append, lastChunk } = payload.value;
      if (artifact !== undefined) await this.#artifact(artifact, append, lastChunk);
    } else {
      await this.#status(payload.value.status);
    }
  }

  async #take({ id, contextId, status, artifacts }: Task): Promise<void> {
    if (this.#remote?.taskId !== id)
      await this.#remember({ messageId: this.#task.message.messageId, taskId: id, contextId });
    for (const artifact of artifacts) await this.#artifact(artifact, false, true);
    await this.#status(status);
  }

  async #artifact(artifact: Artifact, append: boolean, lastChunk: boolean): Promise<void> {
    const { artifactId, name, description, metadata } = artifact;
    const parts = partsOf(artifact.parts);
    if (parts.length === 0) return;
    await this.#task.artifact({
      artifactId,
      parts,
      append,
      lastChunk,
      ...(name === '' ? {} : { name }),
      ...(description === '' ? {} : { description }),
      ...(metadata === undefined ? {} : { metadata }),
    });
  }

  async #status(status: TaskStatus | undefined): Promise<void> {
    const parts = partsOf(status?.message?.parts ?? []);
    const said = parts.length === 0 ? undefined : { parts };
    switch (status?.state) {
      case TaskState.TASK_STATE_COMPLETED:
        this.#end = said === undefined ? {} : { output: said };
        return;
      case TaskState.TASK_STATE_FAILED:
        return this.#fail(said ?? 'the HTTP agent failed');
      case TaskState.TASK_STATE_CANCELED:
        return this.#fail(said ?? 'the task was canceled at the HTTP agent');
      case TaskState.TASK_STATE_REJECTED:
        this.#end = {};
        return this.#task.reject(said ?? 'the HTTP agent rejected the task');
      case TaskState.TASK_STATE_INPUT_REQUIRED:
        this.#end = {};
        this.#waits = true;
        return this.#task.inputRequired(said ?? 'the HTTP agent asks for more');
      case TaskState.TASK_STATE_AUTH_REQUIRED:
        void this.#task.authRequired(said ?? 'the HTTP agent asks for authorization');
        return;
      case TaskState.TASK_STATE_WORKING:
        if (said !== undefined) await this.#task.progress(textOf(parts), dataOf(parts));
        return;
      default:
    }
  }

  #fail(why: string | { readonly parts: readonly Part[] }): void {
    this.#end = {};
    this.#task.fail(why);
  }

  async #remember(remote: RemoteTask): Promise<void> {
    this.#remote = remote;
    await this.#support.remember(remote);
  }
}

function partsOf(parts: readonly SdkPart[]): Part[] {
  return parts.filter(({ content }) => content !== undefined).map((part) => SdkPart.toJSON(part) as Part);
}

function textOf(parts: readonly Part[]): string {
  return parts.flatMap((part) => ('text' in part && part.text !== undefined ? [part.text] : [])).join('\n');
}

function dataOf(parts: readonly Part[]): unknown {
  return parts.find((part) => 'data' in part)?.data;
}
