import { DatabaseSync } from "node:sqlite";
import { defineTool } from "holdfast";
import { z } from "zod";

// #region thread
export const findMatches = defineTool()({
  name: "find_matches",
  description: "Finds the lines of a text that a regular expression matches.",
  inputSchema: z.object({ pattern: z.string(), text: z.string() }),
  effect: "read",
  timeoutMs: 5_000,
  retry: { maxAttempts: 1 },
  // The model writes the pattern, and some patterns never come to an end.
  isolated: { module: import.meta.url },
  execute: ({ pattern, text }) => text.split("\n").filter((line) => new RegExp(pattern).test(line)),
});
// #endregion thread

// #region process
export const query = defineTool()({
  name: "query",
  description: "Runs a query on the figures of the year.",
  inputSchema: z.object({ sql: z.string() }),
  effect: "read",
  timeoutMs: 5_000,
  retry: { maxAttempts: 1 },
  // The query runs in native code, where a thread cannot be stopped.
  isolated: { module: import.meta.url, kind: "process", maxMemoryMb: 512 },
  execute({ sql }) {
    const figures = new DatabaseSync(":memory:");
    figures.exec("CREATE TABLE sales (month, cents); INSERT INTO sales VALUES ('May', 1200), ('June', 800)");
    return figures.prepare(sql).all();
  },
});
// #endregion process
