import { defineTool } from "holdfast";
import { z } from "zod";
import { buildIndex, SCHEMA } from "../index-database.ts";
import { folderOf, INDEX_FILE, type Deps } from "./deps.ts";

export const indexFiles = defineTool<Deps>()({
  name: "index_files",
  description:
    "Builds a SQLite database of all files: sizes, lines, words, TODO markers, imports. Needed before query_index.",
  inputSchema: z.object({}),
  effect: "idempotent",
  timeoutMs: 60_000,
  async execute(_input, context) {
    const target = await context.workspace.resolve(INDEX_FILE);
    const totals = await buildIndex(folderOf(context), target, context.signal);
    return { ...totals, tables: SCHEMA };
  },
});
