import { defineTool } from "holdfast";
import { z } from "zod";
import { readInside } from "../folder.ts";
import { folderOf, type Deps } from "./deps.ts";

const MAX_BYTES = 2_000_000;
const MAX_LINES = 200;

export const readFile = defineTool<Deps>()({
  name: "read_file",
  description: `Reads a text file, up to ${MAX_LINES} lines at a time.`,
  inputSchema: z.object({
    path: z.string().describe("Path of the file, relative to the folder"),
    fromLine: z.number().int().positive().default(1),
    lines: z.number().int().positive().max(MAX_LINES).default(80),
  }),
  effect: "read",
  async execute({ path, fromLine, lines }, context) {
    const content = await readInside(folderOf(context), path, MAX_BYTES);
    if (content.kind === "binary") return { path, bytes: content.bytes, note: "This is not a text file." };
    const all = content.text.split("\n");
    const text = all
      .slice(fromLine - 1, fromLine - 1 + lines)
      .join("\n")
      .slice(0, 20_000);
    const isCut = content.bytes > MAX_BYTES;
    return {
      path,
      bytes: content.bytes,
      lines: all.length,
      text,
      ...(isCut ? { note: "Only the beginning was read." } : {}),
    };
  },
});
