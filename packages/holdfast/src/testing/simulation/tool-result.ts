import type { InputPart } from "../../runtime/index.ts";
import { fileBytes } from "./simulated-files.ts";
import { SECRETS } from "./simulated-secret.ts";

/** How a tool that reads shows what it found: in words, with a small file, a large one, or one that holds a secret. */
export const FILES = ["none", "none", "none", "small", "large", "secret"] as const;

export type ToolResult = {
  readonly done: string;
  readonly attempt: number;
  readonly files?: (typeof FILES)[number];
  readonly [name: string]: unknown;
};

const LARGE_BYTES = 5_000;

export const shownToModel = (result: unknown): string | readonly InputPart[] => {
  const text = JSON.stringify(result);
  const { files = "none" } = result as Partial<ToolResult>;
  if (files === "none") return text;
  return [
    { type: "text", text },
    { type: "text", text: `A ${files} file.` },
    { type: "image", mediaType: "image/png", data: bytesOf(files) },
  ];
};

const bytesOf = (files: "small" | "large" | "secret"): Uint8Array => {
  if (files === "secret") return Buffer.from(`between ${SECRETS.token} others`);
  return fileBytes(files === "small" ? 30 : LARGE_BYTES, 1);
};
