import { toJsonRpcError } from '@a2a-js/sdk/errors';
import type { A2ARequestHandler, User } from '@a2a-js/sdk/server';
import { JsonRpcTransportHandler, ServerCallContext } from '@a2a-js/sdk/server';
import type { ServiceParameters } from '@shoal/agent-sdk';
import type { JsonRpcError, StreamResponse } from '@shoal/protocol';
import { A2A_VERSION } from '@shoal/protocol';

export type Answer = { readonly result: unknown } | { readonly error: JsonRpcError };

export interface SdkCall {
  readonly method: string;
  readonly params: object;
  readonly context: ServerCallContext;
}

/** The SDK's own request handling, without its transport. Every failure is an error object, also those that it throws. */
export class SdkBridge {
  readonly #handler: JsonRpcTransportHandler;

  constructor(handler: A2ARequestHandler) {
    this.#handler = new JsonRpcTransportHandler(handler);
  }

  /**
   * The version is checked before, without its patch number, which the SDK compares as well. The tenant stays in the parameters, and out of
   * the context: the SDK refuses to set it twice.
   */
  static context(service: ServiceParameters, user: User | undefined): ServerCallContext {
    return new ServerCallContext({
      requestedVersion: A2A_VERSION,
      state: new Map(),
      ...(service.extensions.length === 0 ? {} : { requestedExtensions: [...service.extensions] }),
      ...(user === undefined ? {} : { user }),
    });
  }

  async unary(call: SdkCall): Promise<Answer> {
    try {
      const response = await this.#handle(call);
      if (Symbol.asyncIterator in response) throw new Error(`${call.method} answered with a stream`);
      return response.error === undefined
        ? { result: response.result }
        : { error: response.error as JsonRpcError };
    } catch (error) {
      return { error: toJsonRpcError(error) };
    }
  }

  /**
   * Ends with an error item when something goes wrong: the SDK throws it out of the generator instead of answering. Whoever iterates must
   * go on to the end: the SDK stores a task while its stream is read.
   */
  async *stream(call: SdkCall): AsyncGenerator<Answer, void, undefined> {
    try {
      const response = await this.#handle(call);
      if (!(Symbol.asyncIterator in response)) {
        yield { error: response.error as JsonRpcError };
        return;
      }
      let contextId: string | undefined;
      for await (const { result } of response) {
        const item = result as StreamResponse;
        contextId ??= item.task?.contextId;
        yield { result: withContext(item, contextId) };
      }
    } catch (error) {
      yield { error: toJsonRpcError(error) };
    }
  }

  #handle({ method, params, context }: SdkCall): ReturnType<JsonRpcTransportHandler['handle']> {
    return this.#handler.handle({ jsonrpc: '2.0', id: 0, method, params }, context);
  }
}

/** An executor that cancels knows the id of the task only, and the SDK lets it leave the context out, which A2A requires. */
function withContext(item: StreamResponse, contextId: string | undefined): StreamResponse {
  if (contextId === undefined) return item;
  const { statusUpdate, artifactUpdate } = item as {
    [K in 'statusUpdate' | 'artifactUpdate']?: { contextId?: string };
  };
  const update = statusUpdate ?? artifactUpdate;
  if (update !== undefined) update.contextId ??= contextId;
  return item;
}
