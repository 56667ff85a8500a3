import { toBase64Url } from "../core/base64url.ts";
import type { Sha256 } from "../core/hash-chain.ts";
import type { FilePart } from "../core/message.ts";
import type { Blob } from "../ports/journal-store.ts";
import type { Redactor } from "./redactor.ts";

/** Smaller files stay in their event. */
const MAX_INLINE_CHARS = 4_096;

/** Parts with the bytes of their files apart: journaled once, by digest, and never inlined again. */
export type PartsAndBlobs<Part> = { readonly parts: readonly Part[]; readonly blobs: readonly Blob[] };

type Context = { readonly sha256: Sha256; readonly redactor: Redactor };
type TextLike = { readonly type: "text"; readonly text: string };

/** Takes files out of content. One that holds a secret is left out: bytes cannot be mended (O2). */
export const takeOutFiles = <Part extends { readonly type: string }>(
  parts: readonly (Part | FilePart)[],
  { sha256, redactor }: Context,
): PartsAndBlobs<Part | FilePart | TextLike> => {
  const blobs = new Map<string, Blob>();
  const taken = parts.map((part): Part | FilePart | TextLike => {
    if (!isInlineFile(part)) return part;
    const { base64 } = part.data;
    const bytes = Buffer.from(base64, "base64");
    if (holdsSecret(redactor, bytes, base64)) return { type: "text", text: LEFT_OUT };
    if (base64.length <= MAX_INLINE_CHARS) return part;
    const digest = toBase64Url(sha256(bytes, ""));
    blobs.set(digest, { digest, bytes });
    return { ...part, data: { kind: "blob", digest, bytes: bytes.byteLength } };
  });
  return { parts: taken, blobs: [...blobs.values()] };
};

const LEFT_OUT = "[A file was left out: it contained a secret.]";

type InlineFile = FilePart & { readonly data: { readonly kind: "base64" } };

const isInlineFile = (part: { readonly type: string }): part is InlineFile =>
  part.type === "file" && "data" in part && isInline(part.data);

const isInline = (data: unknown): boolean =>
  typeof data === "object" && data !== null && "kind" in data && data.kind === "base64";

/** As far as it can be seen: in the bytes as text, or as base64. */
export const holdsSecret = (redactor: Redactor, bytes: Uint8Array, base64?: string): boolean => {
  if (redactor.isEmpty) return false;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return redactor.isIn(buffer) || redactor.isInBase64(base64 ?? buffer.toString("base64"));
};
