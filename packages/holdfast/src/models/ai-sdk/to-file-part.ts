import type { LanguageModelV4FilePart } from "@ai-sdk/provider";
import { ModelCallError } from "../../core/errors.ts";
import type { FilePart } from "../../core/message.ts";
import type { ModelRequest } from "../../ports/model.ts";
import { withOptions } from "./provider-metadata.ts";

type ReadBlob = ModelRequest["readBlob"];

const toUrl = (url: string): URL => {
  const parsed = URL.parse(url);
  if (parsed !== null) return parsed;
  throw new ModelCallError("MODEL_REQUEST_REJECTED", "A file part has a URL that cannot be read.", {
    hint: "Give an absolute URL, or the bytes as base64.",
  });
};

const toData = async (part: FilePart, readBlob: ReadBlob): Promise<LanguageModelV4FilePart["data"]> => {
  const { data } = part;
  switch (data.kind) {
    case "base64":
      return { type: "data", data: data.base64 };
    case "url":
      return { type: "url", url: toUrl(data.url) };
    case "blob":
      return { type: "data", data: await readBlob(data.digest) };
  }
};

/**
 * A file as a provider is given it. URLs are passed on and never fetched from here: a URL that came
 * in with an input must not make this process read its own network.
 */
export const toFilePart = async (part: FilePart, readBlob: ReadBlob): Promise<LanguageModelV4FilePart> => ({
  type: "file",
  mediaType: part.mediaType,
  data: await toData(part, readBlob),
  ...(part.filename === undefined ? {} : { filename: part.filename }),
  ...withOptions(part.providerMetadata),
});
