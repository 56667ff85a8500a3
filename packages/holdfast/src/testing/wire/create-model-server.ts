import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ConfigurationError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { Clock } from "../../ports/clock.ts";
import { anthropicFormat } from "./anthropic-format.ts";
import { googleFormat } from "./google-format.ts";
import { openaiChatFormat } from "./openai-chat-format.ts";
import { openaiResponsesFormat } from "./openai-responses-format.ts";
import { sendAnswer } from "./wire-answer.ts";
import type { Issued, Refusal, WireFormat } from "./wire-format.ts";
import type { WireScript, WireStep, WireTurn } from "./wire-script.ts";

/** One request as the server saw it. */
export type WireRequest = {
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
  /** HTTP status it was answered with. */
  readonly status: number;
};

export type ModelServerOptions = {
  /** What is answered to each accepted request. */
  readonly script: WireScript;
  /** The only key that is accepted; any when absent. */
  readonly apiKey?: string;
  /** The only models that are known; any when absent. */
  readonly models?: readonly string[];
  /** Refuses a second system message in chat completions, as servers of open models do. */
  readonly oneSystemMessage?: boolean;
  /** Needed by steps that wait. */
  readonly clock?: Clock;
  /** Told of every answer that was begun, when it has ended, however it did: what a provider would bill. */
  readonly onSent?: (sent: WireSent) => void;
};

/** An answer as far as it was sent. */
export type WireSent = {
  readonly model: string;
  readonly body: JsonObject;
  /** Every frame of which a byte left the server; fewer than all when somebody hung up. */
  readonly frames: readonly string[];
};

/** A running model server; close it when done. */
export interface ModelServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`; append `/v1` for OpenAI and Anthropic, `/v1beta` for Google. */
  readonly url: string;
  /** Every request so far, refused ones included. */
  readonly requests: readonly WireRequest[];
  close(): Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<JsonObject> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}");
  return isJsonObject(parsed) ? parsed : {};
};

const headersOf = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));

const SERIAL_DIGITS = 6;

/** Answers requests as the real services do, from a script. */
class WireServer implements ModelServer {
  readonly requests: WireRequest[] = [];
  readonly #options: ModelServerOptions;
  readonly #formats: readonly WireFormat[];
  readonly #issued: Issued = { seals: new Map(), items: new Map() };
  readonly #server: Server;
  #accepted = 0;

  constructor(options: ModelServerOptions) {
    this.#options = options;
    this.#formats = [
      openaiChatFormat(options.oneSystemMessage === true),
      openaiResponsesFormat,
      anthropicFormat,
      googleFormat,
    ];
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
  }

  async listen(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { path: request.url ?? "", headers: headersOf(request), body: await readBody(request) };
    const format = this.#formats.find((known) => known.matches(seen.path.split("?", 1)[0] ?? ""));
    if (format === undefined) {
      response.writeHead(404).end();
      return;
    }
    const refused = this.#refuse(format, seen);
    const step = refused === undefined ? this.#next(format, seen.body) : undefined;
    const fault = step?.fault?.kind === "refuse" ? step.fault : undefined;
    const refusal = refused ?? (fault === undefined ? undefined : format.refusal(fault.reason));
    const status = refusal === undefined ? 200 : (fault?.status ?? refusal.status);
    this.requests.push({ ...seen, status });
    if (refusal !== undefined) {
      response.writeHead(status, {
        "content-type": "application/json",
        "x-request-id": "req_test",
        ...fault?.headers,
      });
      response.end(JSON.stringify(refusal.body));
      return;
    }
    if (step === undefined) return;
    const model = format.modelOf(seen.path, seen.body);
    const serial = String(this.#accepted).padStart(SERIAL_DIGITS, "0");
    const context = { serial, model, body: seen.body, issued: this.#issued };
    const frames = format.answer(step, context);
    const sent = await sendAnswer(response, { step, frames, format, clock: this.#options.clock });
    this.#options.onSent?.({ model, body: seen.body, frames: frames.slice(0, sent).map(({ text }) => text) });
  }

  #refuse(format: WireFormat, { path, headers, body }: Omit<WireRequest, "status">): Refusal | undefined {
    const { apiKey, models } = this.#options;
    if (apiKey !== undefined && format.keyOf(headers) !== apiKey) return format.refusal("bad-key");
    if (models !== undefined && !models.includes(format.modelOf(path, body)))
      return format.refusal("unknown-model");
    return format.check(body, this.#issued);
  }

  #next(format: WireFormat, body: JsonObject): WireStep {
    const index = this.#accepted++;
    const { script } = this.#options;
    if (typeof script !== "function") {
      const step = script[index];
      if (step !== undefined) return step;
      throw new ConfigurationError("OPTION_INVALID", `The script has no step ${index + 1}.`);
    }
    const turn: WireTurn = {
      index,
      body,
      lastUserText: format.lastUserText(body),
      toolResults: format.toolResults(body),
      tools: format.tools(body),
    };
    return script(turn);
  }
}

/**
 * A local server that speaks OpenAI's chat completions and Responses, Anthropic's Messages and
 * Google's generateContent, streaming. It answers from a script, refuses what the real services
 * refuse, in their words, and fails on the wire when told to.
 */
export const createModelServer = async (options: ModelServerOptions): Promise<ModelServer> => {
  const server = new WireServer(options);
  await server.listen();
  return server;
};
