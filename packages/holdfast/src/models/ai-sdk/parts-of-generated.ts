import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";

type Said = { readonly type: string };
type Text = {
  readonly type: "text" | "reasoning";
  readonly text: string;
  readonly providerMetadata?: object;
};

/** What the results of `doGenerate` have in common across the specifications. */
type Generated<Finish, Usage, Warning> = {
  readonly content: readonly Said[];
  readonly finishReason: Finish;
  readonly usage: Usage;
  readonly warnings: readonly Warning[];
  readonly providerMetadata?: object;
  readonly response?: { readonly id?: string; readonly modelId?: string; readonly timestamp?: Date };
};

const isText = (part: Said): part is Text => part.type === "text" || part.type === "reasoning";

const partsOf = (part: Said, index: number): readonly object[] => {
  if (!isText(part)) return [part];
  const { type, text, providerMetadata } = part;
  const id = `generated-${index}`;
  const metadata = providerMetadata === undefined ? {} : { providerMetadata };
  return [
    { type: `${type}-start`, id },
    { type: `${type}-delta`, id, delta: text },
    { type: `${type}-end`, id, ...metadata, ...("citations" in part ? { citations: part.citations } : {}) },
  ];
};

/** A whole answer as the parts a stream would have had, so that one assembly serves both. */
export const partsOfGenerated = <Part, Finish, Usage, Warning>(
  result: Generated<Finish, Usage, Warning>,
  upgrade: (part: Part) => LanguageModelV4StreamPart,
): readonly LanguageModelV4StreamPart[] => {
  const { content, finishReason, usage, warnings, providerMetadata, response } = result;
  const parts: readonly object[] = [
    { type: "stream-start", warnings },
    { type: "response-metadata", ...response },
    ...content.flatMap(partsOf),
    { type: "finish", finishReason, usage, ...(providerMetadata === undefined ? {} : { providerMetadata }) },
  ];
  return parts.map((part) => upgrade(part as Part));
};
