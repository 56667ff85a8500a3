import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { openPlainFile } from "../../definitions/open-folder.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { fileFailure, notDone } from "./file-failure.ts";
import { isBinary, readRange, toText } from "./file-text.ts";
import type { FileSettings } from "./files-settings.ts";
import { locate, nameOf, openParent } from "./locate.ts";

type ReadInput = {
  readonly path: string;
  readonly startLine?: number;
  readonly lines?: number;
  readonly startByte?: number;
  readonly bytes?: number;
};

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    path: { type: "string" },
    startLine: { type: "integer", minimum: 1, description: "First line to read; 1 by default." },
    lines: { type: "integer", minimum: 1, description: "How many lines; all by default." },
    startByte: {
      type: "integer",
      minimum: 0,
      description: "Reads by bytes in place of lines, from this one on.",
    },
    bytes: {
      type: "integer",
      minimum: 1,
      description: "How many bytes; a few more where the last character would be halved.",
    },
  },
  required: ["path"],
  additionalProperties: false,
};

/** Reads a file of the workspace. */
export const readFileTool = (settings: FileSettings): DefinedTool<ReadInput, string> =>
  defineTool()({
    name: "read_file",
    description:
      "Reads a text file of the workspace, whole or a part of it by lines or bytes. A note in brackets at the end says when there is more.",
    inputSchema: INPUT_SCHEMA,
    effect: "read",
    maxOutputChars: settings.maxChars + 1_000,
    // What arrives here has passed the schema.
    execute: (input, context) => read(input as ReadInput, context, settings),
  }) as DefinedTool<ReadInput, string>;

const read = async (input: ReadInput, context: ToolContext, settings: FileSettings): Promise<string> => {
  try {
    const place = await locate(context, input.path);
    await using folder = await openParent(place);
    await using file = await openPlainFile(folder, nameOf(place), constants.O_RDONLY);
    const { size } = await file.stat();
    const isByBytes = input.startByte !== undefined || input.bytes !== undefined;
    if (isByBytes) return await readBytes(file, { ...input, size, maxBytes: settings.maxChars });
    if (size > settings.maxFileBytes) {
      throw notDone(`"${input.path}" has ${size} bytes; read a part of it, with startByte and bytes.`);
    }
    const bytes = await readRange(file, { start: 0, bytes: size });
    return isBinary(bytes) ? binary(bytes, size) : byLines(bytes, input, settings.maxChars);
  } catch (thrown) {
    throw fileFailure(thrown, input.path);
  }
};

const binary = (bytes: Uint8Array, size: number): string =>
  `[This is no text but a binary file of ${size} bytes. What was asked for begins with ${Buffer.from(bytes.subarray(0, 32)).toString("hex")}.]`;

const EMPTY = "[The file is empty.]";

type BytesInput = ReadInput & { readonly size: number; readonly maxBytes: number };

const readBytes = async (file: FileHandle, input: BytesInput): Promise<string> => {
  const { startByte: start = 0, size, maxBytes } = input;
  if (size === 0 && start === 0) return EMPTY;
  if (start >= size)
    throw notDone(`"${input.path}" has ${size} bytes: there are none from byte ${start} on.`);
  const wanted = Math.min(input.bytes ?? maxBytes, maxBytes);
  const bytes = await readRange(file, {
    start,
    bytes: Math.min(wanted + MAX_CONTINUATION_BYTES, size - start),
  });
  const shown = bytes.subarray(0, endOfCharacter(bytes, wanted));
  if (isBinary(shown)) return binary(shown, size);
  const text = toText(shown);
  const end = start + shown.length;
  return end >= size
    ? text
    : `${text}\n[Bytes ${start} to ${end} of ${size}. Read on with startByte ${end}.]`;
};

/** What may follow the first byte of a character in UTF-8. */
const MAX_CONTINUATION_BYTES = 3;

/** Where to cut after `wanted` bytes or so: not within a character. */
const endOfCharacter = (bytes: Uint8Array, wanted: number): number => {
  const most = Math.min(wanted + MAX_CONTINUATION_BYTES, bytes.length);
  let end = Math.min(wanted, bytes.length);
  while (end < most && isContinuation(bytes[end])) end += 1;
  return end;
};

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && byte >> 6 === 0b10;

const byLines = (bytes: Buffer, { path, startLine = 1, lines }: ReadInput, maxChars: number): string => {
  const all = toText(bytes).split("\n");
  // What ends with a line break has no further line after it.
  if (all.at(-1) === "") all.pop();
  if (startLine > Math.max(1, all.length))
    throw notDone(`"${path}" has ${all.length} lines: there are none from line ${startLine} on.`);
  const asked = all.slice(startLine - 1, lines === undefined ? undefined : startLine - 1 + lines);
  const fitting = countFitting(asked, maxChars);
  if (fitting === 0 && asked.length > 0) return longLine(bytes, startLine, maxChars);
  const end = startLine - 1 + fitting;
  const shown = asked.slice(0, fitting).join("\n");
  if (end >= all.length) return bytes.length === 0 ? EMPTY : shown;
  return `${shown}\n[Lines ${startLine} to ${end} of ${all.length}. Read on with startLine ${end + 1}.]`;
};

/** The beginning of a line that is longer than an answer, which can be read on by bytes alone. */
const longLine = (bytes: Buffer, line: number, maxBytes: number): string => {
  let start = 0;
  for (let before = 1; before < line; before += 1) start = bytes.indexOf("\n", start) + 1;
  const end = start + endOfCharacter(bytes.subarray(start), maxBytes);
  return `${toText(bytes.subarray(start, end))}\n[Line ${line} is too long to be shown whole: bytes ${start} to ${end} of ${bytes.length}. Read on with startByte ${end}.]`;
};

const countFitting = (lines: readonly string[], maxChars: number): number => {
  let chars = 0;
  const over = lines.findIndex((line) => (chars += line.length + 1) > maxChars + 1);
  return over === -1 ? lines.length : over;
};
