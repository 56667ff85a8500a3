import { Agent, request } from "node:http";
import type { ToolContext, ToolEffect } from "holdfast";
import { ToolError } from "holdfast";
import type { EffectRequest, EffectState } from "./effect-record.ts";

/** A tool's way to the service: one request an attempt, never repeated by the client itself. */
export class EffectClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;
  readonly #folder: string;

  constructor(port: number, folder: string) {
    this.#port = port;
    this.#folder = folder;
  }

  async execute(context: ToolContext<EffectClient>, effect: ToolEffect): Promise<string> {
    const asked = requestOf(context, effect);
    const { status, body } = await this.#post("execute", asked, context.signal);
    if (status === 503) throw new ToolError("The service refused.", { executed: false, retryable: true });
    const { receipt } = JSON.parse(body) as { readonly receipt: string };
    return receipt;
  }

  state(asked: EffectRequest, signal?: AbortSignal): Promise<EffectState> {
    return this.#post("state", asked, signal).then(({ body }) => JSON.parse(body) as EffectState);
  }

  async verify(context: ToolContext<EffectClient>, effect: ToolEffect): Promise<EffectState> {
    return this.state(requestOf(context, effect), context.signal);
  }

  #post(
    what: string,
    asked: EffectRequest,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly status: number; readonly body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const sent = request({
      agent: this.#agent,
      host: "127.0.0.1",
      port: this.#port,
      path: `/${what}/${this.#folder}`,
      method: "POST",
      ...(signal === undefined ? {} : { signal }),
    });
    // Whether it arrived before the connection broke, nobody here can know.
    const lost = (): void =>
      reject(new ToolError("The connection to the service was lost.", { retryable: true }));
    sent.on("error", lost);
    sent.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("error", lost).on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    // As bytes it goes out beside its header, by a system call that nothing else here makes (`writev`).
    sent.end(Buffer.from(JSON.stringify(asked)));
    return promise;
  }
}

const requestOf = (context: ToolContext<EffectClient>, effect: ToolEffect): EffectRequest => ({
  sessionId: context.session.id,
  callId: context.callId,
  attempt: context.attempt,
  effect,
  idempotencyKey: context.idempotencyKey,
  enteredAt: Date.now(),
});
