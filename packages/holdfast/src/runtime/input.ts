import { toBase64Url } from "../core/base64url.ts";
import { ConfigurationError } from "../core/errors.ts";
import type { Sha256 } from "../core/hash-chain.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonValue } from "../core/json.ts";
import type { UserPart } from "../core/message.ts";
import type { InputPart } from "../definitions/content-part.ts";
import type { Blob } from "../ports/journal-store.ts";

export type Input = string | readonly InputPart[];

/** An input in the form in which it is posted: its bytes apart, each stored once. */
export type PreparedInput = { readonly content: JsonValue; readonly blobs: readonly Blob[] };

/** @throws ConfigurationError when a part is not one of the known kinds. */
export const prepareInput = (input: Input, sha256: Sha256): PreparedInput => {
  if (typeof input === "string") return { content: toJournalValue(input).value, blobs: [] };
  if (!Array.isArray(input) || input.length === 0) throw invalid("it is neither text nor a list of parts");
  const blobs = new Map<string, Blob>();
  const content = input.map((part: InputPart): UserPart => {
    checkPart(part);
    const metadata = part.providerOptions === undefined ? {} : { providerMetadata: part.providerOptions };
    if (part.type === "text") return { type: "text", text: part.text, ...metadata };
    if (part.type !== "image" && part.type !== "file") throw invalid("a part has an unknown type");
    const filename = part.filename === undefined ? {} : { filename: part.filename };
    const common = { type: "file", mediaType: part.mediaType, ...filename, ...metadata } as const;
    if (part.data instanceof URL) return { ...common, data: { kind: "url", url: part.data.href } };
    if (!(part.data instanceof Uint8Array)) throw invalid("the data of a file must be bytes or a URL");
    const digest = toBase64Url(sha256(part.data, ""));
    blobs.set(digest, { digest, bytes: part.data });
    return { ...common, data: { kind: "blob", digest, bytes: part.data.byteLength } };
  });
  return { content: toJournalValue(content).value, blobs: [...blobs.values()] };
};

/** What is accepted is durable: a part that no model can be given would fail this run and every later one. */
const checkPart = (part: unknown): void => {
  if (typeof part !== "object" || part === null) throw invalid("a part is not an object");
  const { type, text, mediaType } = part as { readonly [Name in "type" | "text" | "mediaType"]?: unknown };
  if (type === "text" && typeof text !== "string") throw invalid("the text of a part is not a string");
  const isFile = type === "image" || type === "file";
  if (isFile && typeof mediaType !== "string") throw invalid("a file has no mediaType");
};

const invalid = (why: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `The input cannot be used: ${why}.`, {
    hint: 'Send text, or parts like { type: "text", text } and { type: "image", data: bytes, mediaType: "image/png" }.',
  });
