import { ConfigurationError } from "../core/errors.ts";
import type { MemoryStore } from "../ports/memory-store.ts";

const NEEDED = [
  "write",
  "search",
  "get",
  "history",
  "list",
  "erase",
  "sweep",
] as const satisfies readonly (keyof MemoryStore)[];

/** A memory, or null where there is none. @throws ConfigurationError for what is not one. */
export const checkMemory = (asked: MemoryStore | undefined): MemoryStore | null => {
  if (asked === undefined) return null;
  const isMemory =
    typeof asked === "object" && asked !== null && NEEDED.every((name) => typeof asked[name] === "function");
  if (isMemory) return asked;
  throw new ConfigurationError("OPTION_INVALID", 'createRuntime: "memory" must be an open memory.', {
    hint: "Give what createSqliteMemory answers, once it is awaited.",
  });
};
