import { defineTool } from "holdfast";
import { z } from "zod";
import { extensionOf, walkFolder, type FoundFile } from "../folder.ts";
import { folderOf, type Deps } from "./deps.ts";

const MAX_SHOWN = 250;

export const listFiles = defineTool<Deps>()({
  name: "list_files",
  description: "Lists the files below a folder, with their sizes, and counts them by file name extension.",
  inputSchema: z.object({
    path: z.string().default(".").describe('Folder to list, relative; "." for everything'),
  }),
  effect: "read",
  async execute({ path }, context) {
    const { files, isCut } = await walkFolder(folderOf(context), path, context.signal);
    return {
      total: files.length,
      byExtension: countByExtension(files),
      files: files.slice(0, MAX_SHOWN),
      ...(files.length > MAX_SHOWN ? { notShown: files.length - MAX_SHOWN } : {}),
      ...(isCut ? { note: "There are more files than are counted here." } : {}),
    };
  },
});

const countByExtension = (files: readonly FoundFile[]): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>();
  for (const { path } of files) counts.set(extensionOf(path), (counts.get(extensionOf(path)) ?? 0) + 1);
  const sorted = [...counts].toSorted(([, left], [, right]) => right - left);
  return Object.fromEntries(sorted.slice(0, 20));
};
