import { defineTool } from "holdfast";
import { z } from "zod";
import type { Deps } from "./deps.ts";

export const getAdvice = defineTool<Deps>()({
  name: "get_advice",
  description: "Asks the findings desk what to do about a kind of finding.",
  inputSchema: z.object({
    topic: z.enum(["long-file", "open-task", "busy-module", "large-file", "repeated-file"]),
  }),
  effect: "read",
  timeoutMs: 1_000,
  retry: { maxAttempts: 5 },
  async execute({ topic }, { deps, signal }) {
    return { topic, advice: await deps.desk.advice(topic, signal) };
  },
});
