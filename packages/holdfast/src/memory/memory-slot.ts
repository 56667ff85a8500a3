import { createHash } from "node:crypto";
import type { MemoryRecord } from "../ports/memory-store.ts";

const plain = (text: string): string => text.normalize("NFKC").trim().replaceAll(/\s+/g, " ").toLowerCase();

/** What there can be one current record of in a scope (K6); null where there can be any number. */
export const slotOf = ({
  kind,
  subject,
  text,
}: Pick<MemoryRecord, "kind" | "subject" | "text">): string | null => {
  if (subject !== null) return digest(["subject", kind, plain(subject)]);
  if (kind === "episode" || kind === "summary") return null;
  return digest(["text", kind, plain(text)]);
};

export const saysTheSame = (one: string, other: string): boolean => plain(one) === plain(other);

/** 24 characters that stand for these values, and for no others. */
export const digest = (values: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(values)).digest("base64url").slice(0, 24);
