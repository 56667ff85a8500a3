/** Tools that do harm where they are isolated. The module is loaded by the bench, and again where they run. */
import { defineTool } from "holdfast";
import { z } from "zod";

const never = () => new Promise((resolve) => void setTimeout(resolve, 3_600_000));

const HARMS = {
  spin: () => {
    for (;;);
  },
  leak: () => {
    const kept = [];
    for (;;) kept.push(Array.from({ length: 1_000 }, (_, n) => ({ n })));
  },
  reject: () => {
    void Promise.reject(new Error("Nobody listens."));
    return never();
  },
  exit: () => process.exit(1),
};

export const KINDS = ["thread", "process"];
export const HARM_NAMES = Object.keys(HARMS);

export const tools = KINDS.flatMap((kind) =>
  HARM_NAMES.map((harm) =>
    defineTool()({
      name: `${kind}_${harm}`,
      description: "Does harm.",
      inputSchema: z.object({}),
      effect: "read",
      timeoutMs: 2_000,
      retry: { maxAttempts: 1 },
      isolated: { module: import.meta.url, kind, maxMemoryMb: 64 },
      execute: HARMS[harm],
    }),
  ),
);
