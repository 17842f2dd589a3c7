import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server is asked, and with which key. */
export interface ChatRequest {
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: unknown }[];
    readonly response_format?: { readonly type: string; readonly json_schema?: { readonly schema: object } };
    readonly tools?: readonly { readonly function: { readonly name: string } }[];
  };
  readonly authorization: string | undefined;
}

export interface ChatAnswer {
  readonly status?: number;
  /** Text of the answer, or a whole body when it is an object. */
  readonly content?: string | object;
  readonly toolCalls?: readonly { readonly name: string; readonly args: string }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

export interface ChatServer {
  readonly baseUrl: string;
  readonly requests: readonly ChatRequest[];
  close(): Promise<void>;
}

/** A server of the OpenAI-compatible chat API on 127.0.0.1 that answers as it is told. */
export async function startChatServer(
  answer: (request: ChatRequest, index: number) => ChatAnswer,
): Promise<ChatServer> {
  const requests: ChatRequest[] = [];
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse(await readBody(incoming)) as ChatRequest['body'];
    const request = { body, authorization: incoming.headers.authorization };
    requests.push(request);
    const { status = 200, content = '', toolCalls, usage } = answer(request, requests.length - 1);
    const tokens = usage ?? { prompt_tokens: 100, completion_tokens: 20 };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(typeof content === 'object' ? content : completion(content, toolCalls, tokens)),
    );
  };
  const server = createServer((incoming, response) => void serve(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function completion(content: string, toolCalls: ChatAnswer['toolCalls'], usage: object): object {
  const calls = toolCalls?.map(({ name, args }, index) => ({
    id: `call-${index}`,
    type: 'function',
    function: { name, arguments: args },
  }));
  return {
    id: 'chat-1',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'small',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, ...(calls === undefined ? {} : { tool_calls: calls }) },
        finish_reason: calls === undefined ? 'stop' : 'tool_calls',
      },
    ],
    usage,
  };
}
