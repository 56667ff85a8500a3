import { constants } from "node:fs";
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
    bytes: { type: "integer", minimum: 1, description: "How many bytes." },
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
    if (!isByBytes && size > settings.maxFileBytes) {
      throw notDone(`"${input.path}" has ${size} bytes; read a part of it, with startByte and bytes.`);
    }
    const start = input.startByte ?? 0;
    const wanted = isByBytes
      ? Math.min(input.bytes ?? settings.maxChars, settings.maxChars, Math.max(0, size - start))
      : size;
    const bytes = await readRange(file, { start, bytes: wanted });
    if (isBinary(bytes)) return binary(bytes, size);
    return isByBytes ? byBytes(bytes, start, size) : byLines(toText(bytes), input, settings.maxChars);
  } catch (thrown) {
    throw fileFailure(thrown, input.path);
  }
};

const binary = (bytes: Uint8Array, size: number): string =>
  `[This is no text but a binary file of ${size} bytes. What was asked for begins with ${Buffer.from(bytes.subarray(0, 32)).toString("hex")}.]`;

const byBytes = (bytes: Uint8Array, start: number, size: number): string => {
  const end = start + bytes.length;
  const note = end < size ? `\n[Bytes ${start} to ${end} of ${size}. Read on with startByte ${end}.]` : "";
  return toText(bytes) + note;
};

const byLines = (text: string, { startLine = 1, lines }: ReadInput, maxChars: number): string => {
  const all = text.split("\n");
  // What ends with a line break has no further line after it.
  if (all.at(-1) === "") all.pop();
  if (startLine > Math.max(1, all.length)) throw notDone(`The file has ${all.length} lines.`);
  const asked = all.slice(startLine - 1, lines === undefined ? undefined : startLine - 1 + lines);
  const fitting = countFitting(asked, maxChars);
  if (fitting === 0 && asked.length > 0) {
    const [line = ""] = asked;
    return `${line.slice(0, maxChars).toWellFormed()}\n[Line ${startLine} is cut at ${maxChars} of ${line.length} characters. Read it by bytes for the rest.]`;
  }
  const end = startLine - 1 + fitting;
  const shown = asked.slice(0, fitting).join("\n");
  if (end >= all.length) return shown === "" ? "[The file is empty.]" : shown;
  return `${shown}\n[Lines ${startLine} to ${end} of ${all.length}. Read on with startLine ${end + 1}.]`;
};

const countFitting = (lines: readonly string[], maxChars: number): number => {
  let chars = 0;
  const over = lines.findIndex((line) => (chars += line.length + 1) > maxChars + 1);
  return over === -1 ? lines.length : over;
};
