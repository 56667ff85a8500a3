import { defineTool } from "holdfast";
import { z } from "zod";
import type { Deps } from "./deps.ts";

export const writeReport = defineTool<Deps>()({
  name: "write_report",
  description:
    "Writes the report, as Markdown, to report.md in the session's workspace. Replaces an earlier one.",
  inputSchema: z.object({ markdown: z.string().min(1).max(200_000) }),
  effect: "idempotent",
  async execute({ markdown }, { workspace }) {
    const path = await workspace.write("report.md", markdown);
    return { path, bytes: Buffer.byteLength(markdown) };
  },
});
