import type { LanguageModelV4CallOptions } from "@ai-sdk/provider";
import { ModelCallError } from "../../core/errors.ts";
import type { Model, ModelAnswer, ModelRequest } from "../../ports/model.ts";
import { AnswerAssembly } from "./answer-assembly.ts";
import type { LanguageModel } from "./language-model.ts";
import { openStream, type PartStream } from "./open-stream.ts";
import { readMember } from "./provider-reply.ts";
import { toCallOptions } from "./to-call-options.ts";
import { toModelCallError } from "./to-model-call-error.ts";

const cancelled = (): ModelCallError =>
  new ModelCallError("MODEL_CALL_CANCELLED", "The model call was cancelled.");

const REQUEST_ID_HEADERS = ["x-request-id", "request-id", "x-amzn-requestid"];

/** Lets a stream go; what it says about that concerns nobody. */
const release = (stream: PartStream | undefined): void => {
  stream?.cancel().catch(() => undefined);
};

/** One call of one model, from request to answer. */
class Call {
  readonly #model: LanguageModel;
  readonly #request: ModelRequest;
  #stream: PartStream | undefined;
  #isStreaming = false;
  #isSettled = false;

  constructor(model: LanguageModel, request: ModelRequest) {
    this.#model = model;
    this.#request = request;
  }

  /** Settles with the answer, or as soon as `signal` fires, whether or not the provider obeys it (M4). */
  async settle(): Promise<ModelAnswer> {
    const { signal } = this.#request;
    if (signal.aborted) throw cancelled();
    const { promise, resolve, reject } = Promise.withResolvers<ModelAnswer>();
    const stop = (): void => {
      this.#isSettled = true;
      reject(cancelled());
      release(this.#stream);
    };
    signal.addEventListener("abort", stop, { once: true });
    // `resolve` and `reject` do nothing any more when the call was stopped: a late end is nobody's.
    this.#answer().then(resolve, reject);
    try {
      return await promise;
    } finally {
      this.#isSettled = true;
      signal.removeEventListener("abort", stop);
    }
  }

  async #answer(): Promise<ModelAnswer> {
    try {
      const options = await toCallOptions(this.#request, this.#model.provider);
      return await this.#read(options);
    } catch (error) {
      release(this.#stream);
      throw toModelCallError(error, {
        provider: this.#model.provider,
        modelId: this.#model.modelId,
        isStreaming: this.#isStreaming,
        secrets: Object.values(this.#request.settings.headers ?? {}),
      });
    }
  }

  async #read(options: LanguageModelV4CallOptions): Promise<ModelAnswer> {
    const stream = await openStream(this.#model, options);
    this.#stream = stream;
    this.#isStreaming = true;
    if (this.#isSettled) throw cancelled();
    const assembly = new AnswerAssembly(this.#request.onDelta);
    const requestId = REQUEST_ID_HEADERS.map((name) => stream.headers[name]).find((id) => id !== undefined);
    if (requestId !== undefined) assembly.note("requestId", requestId);
    for (let part = await stream.next(); part !== undefined; part = await stream.next()) {
      // A part already read when the call was stopped is not shown any more (M1).
      if (this.#isSettled) throw cancelled();
      // Nothing after an error counts, not even a finish: some packages report both (E9).
      if (part.type === "error") throw part.error;
      assembly.accept(part);
    }
    return assembly.toAnswer();
  }
}

class AiSdkModel implements Model {
  readonly provider: string;
  readonly modelId: string;
  readonly #model: LanguageModel;

  constructor(model: LanguageModel) {
    this.provider = model.provider;
    this.modelId = model.modelId;
    this.#model = model;
  }

  async call(request: ModelRequest): Promise<ModelAnswer> {
    return await new Call(this.#model, request).settle();
  }
}

/**
 * Lets a language model of the AI SDK, of specification V2, V3 or V4, serve as a `Model`.
 *
 * @throws ModelCallError MODEL_NOT_CONFIGURED for a specification this version does not know.
 */
export const fromLanguageModel = (model: LanguageModel): Model => {
  const version: unknown = readMember(model, "specificationVersion");
  if (version === "v2" || version === "v3" || version === "v4") return new AiSdkModel(model);
  throw new ModelCallError(
    "MODEL_NOT_CONFIGURED",
    "This model follows a specification that is not supported.",
    {
      hint: `Its specificationVersion is ${String(version)}; v2, v3 and v4 are supported. Upgrade its package.`,
    },
  );
};
