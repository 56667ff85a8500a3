import { defineTool } from "holdfast";
import { z } from "zod";
import type { Deps } from "./deps.ts";

export const fileFinding = defineTool<Deps>()({
  name: "file_finding",
  description: "Files one finding with the findings desk, for a person to look at. File each finding once.",
  inputSchema: z.object({
    title: z.string().min(1).max(200),
    severity: z.enum(["low", "medium", "high"]),
    path: z.string().optional().describe("The file it is about"),
    detail: z.string().max(2_000).optional(),
  }),
  // It changes something that is not ours, and the desk would file it twice if it were asked twice.
  effect: "write",
  timeoutMs: 2_000,
  retry: { maxAttempts: 6 },
  async execute(input, { deps, signal, session, idempotencyKey }) {
    const { number, title } = await deps.desk.file(
      { ...input, session: session.id, reference: idempotencyKey },
      signal,
    );
    await deps.onFiled({ sessionId: session.id, number, title });
    return { number, title };
  },
  // Asked when nobody knows whether `execute` got through: after a crash, a timeout, an answer that was cut off.
  async verify(_input, { deps, signal, idempotencyKey }) {
    const [found] = await deps.desk.find(idempotencyKey, signal);
    if (found === undefined) return { status: "not-done" };
    return { status: "done", output: { number: found.number, title: found.title } };
  },
});
