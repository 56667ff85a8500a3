import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { TextDecoder } from "node:util";
import { openPlainFile, type OpenFolder } from "../../definitions/open-folder.ts";
import { notDone } from "./file-failure.ts";

export type FileRange = { readonly start: number; readonly bytes: number };

/** Bytes of a file, as many as there are of those asked for. */
export const readRange = async (file: FileHandle, { start, bytes }: FileRange): Promise<Buffer> => {
  const buffer = Buffer.alloc(bytes);
  let length = 0;
  while (length < bytes) {
    const { bytesRead } = await file.read(buffer, length, bytes - length, start + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
};

/** A whole file; null where it is longer than that. A file that grows meanwhile is read as far as it was. */
export const readWhole = async (
  folder: OpenFolder,
  name: string,
  maxBytes: number,
): Promise<Buffer | null> => {
  await using file = await openPlainFile(folder, name, constants.O_RDONLY);
  const { size } = await file.stat();
  return size > maxBytes ? null : await readRange(file, { start: 0, bytes: size });
};

const PROBED_BYTES = 8_000;

/** Whether these are no text: texts have no zero bytes. */
export const isBinary = (bytes: Uint8Array): boolean => bytes.subarray(0, PROBED_BYTES).includes(0);

/** Bytes as text; what is no UTF-8 becomes U+FFFD. A byte order mark stays. */
export const toText = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** Bytes as text that can be written back without loss. */
export const toExactText = (bytes: Uint8Array, path: string): string => {
  try {
    if (!isBinary(bytes)) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Told below.
  }
  throw notDone(`"${path}" is not a text in UTF-8, and is not edited.`);
};
