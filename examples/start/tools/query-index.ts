import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { defineTool, ToolError } from "holdfast";
import { z } from "zod";
import { SCHEMA } from "../index-database.ts";
import { INDEX_FILE, type Deps } from "./deps.ts";

const QUERY_PROCESS = fileURLToPath(new URL("./query-process.ts", import.meta.url));
const run = promisify(execFile);

export const queryIndex = defineTool<Deps>()({
  name: "query_index",
  description: `Runs one SQLite SELECT over the database of index_files and answers up to 50 rows. Tables: ${SCHEMA.join(", ")}.`,
  inputSchema: z.object({
    sql: z.string().min(1).max(4_000).describe("One SELECT statement, without parameters"),
  }),
  effect: "read",
  timeoutMs: 10_000,
  async execute({ sql }, context) {
    const file = await context.workspace.resolve(INDEX_FILE);
    if (!existsSync(file)) {
      throw new ToolError("There is no database yet: call index_files first.", {
        executed: false,
        retryable: false,
      });
    }
    // In a process of its own, so that a query without end can be stopped.
    const args = ["--disable-warning=ExperimentalWarning", QUERY_PROCESS, file, sql];
    const options = { signal: context.signal, killSignal: "SIGKILL", maxBuffer: 4_000_000 } as const;
    const { stdout } = await run(process.execPath, args, options);
    const answer = JSON.parse(stdout) as {
      readonly error?: string;
      readonly columns: readonly string[];
      readonly rows: readonly unknown[];
    };
    if (answer.error !== undefined) throw new ToolError(answer.error, { executed: false, retryable: false });
    return answer;
  },
});
