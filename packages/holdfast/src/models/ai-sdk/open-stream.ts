import type {
  LanguageModelV2,
  LanguageModelV2StreamPart,
  LanguageModelV3,
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4StreamPart,
} from "@ai-sdk/provider";
import { toOptionsV2, toOptionsV3 } from "./downgrade-prompt.ts";
import type { LanguageModel } from "./language-model.ts";
import { readMember } from "./provider-reply.ts";
import { partsOfGenerated } from "./parts-of-generated.ts";
import type { ResponseHeaders } from "./retry-after.ts";
import { upgradeV2, upgradeV3 } from "./upgrade-part.ts";

/** The parts of one answer as they arrive, in the words of specification V4. */
export type PartStream = {
  readonly headers: ResponseHeaders;
  /** The next part; undefined at the end. */
  next(): Promise<LanguageModelV4StreamPart | undefined>;
  /** Stops reading and lets the connection go. */
  cancel(): Promise<void>;
};

type Streamed<Part> = {
  readonly stream: ReadableStream<Part>;
  readonly response?: { readonly headers?: Record<string, string> };
};

const toPartStream = <Part>(
  { stream, response }: Streamed<Part>,
  upgrade: (part: Part) => LanguageModelV4StreamPart,
): PartStream => {
  const reader = stream.getReader();
  return {
    headers: response?.headers ?? {},
    async next() {
      const { done, value } = await reader.read();
      return done ? undefined : upgrade(value);
    },
    cancel: async () => await reader.cancel(),
  };
};

const openV4 = async (model: LanguageModelV4, options: LanguageModelV4CallOptions): Promise<PartStream> =>
  toPartStream(await model.doStream(options), (part) => part);

const openV3 = async (model: LanguageModelV3, options: LanguageModelV4CallOptions): Promise<PartStream> =>
  toPartStream(await model.doStream(toOptionsV3(options)), upgradeV3);

const openV2 = async (model: LanguageModelV2, options: LanguageModelV4CallOptions): Promise<PartStream> =>
  toPartStream(await model.doStream(toOptionsV2(options)), (part) => upgradeV2(part, model.provider));

const openAny = async (model: LanguageModel, options: LanguageModelV4CallOptions): Promise<PartStream> => {
  switch (model.specificationVersion) {
    case "v4":
      return await openV4(model, options);
    case "v3":
      return await openV3(model, options);
    case "v2":
      return await openV2(model, options);
  }
};

const generated = async (
  model: LanguageModel,
  options: LanguageModelV4CallOptions,
): Promise<readonly LanguageModelV4StreamPart[]> => {
  switch (model.specificationVersion) {
    case "v4":
      return partsOfGenerated(await model.doGenerate(options), (part: LanguageModelV4StreamPart) => part);
    case "v3":
      return partsOfGenerated(await model.doGenerate(toOptionsV3(options)), upgradeV3);
    case "v2":
      return partsOfGenerated(
        await model.doGenerate(toOptionsV2(options)),
        (part: LanguageModelV2StreamPart) => upgradeV2(part, model.provider),
      );
  }
};

const toListStream = (parts: readonly LanguageModelV4StreamPart[]): PartStream => {
  const rest = parts.values();
  return {
    headers: {},
    next: async () => rest.next().value,
    cancel: async () => {},
  };
};

/** Whether a package says that it cannot stream; anything else it says is about the call. */
const cannotStream = (error: unknown): boolean =>
  readMember(error, "name") === "AI_UnsupportedFunctionalityError" &&
  /stream/i.test(String(readMember(error, "functionality")));

/**
 * Calls a model and gives its answer part by part, whichever specification it follows. A model that
 * says it cannot stream is asked for the whole answer.
 */
export const openStream = async (
  model: LanguageModel,
  options: LanguageModelV4CallOptions,
): Promise<PartStream> => {
  try {
    return await openAny(model, options);
  } catch (error) {
    if (!cannotStream(error)) throw error;
  }
  return toListStream(await generated(model, options));
};
