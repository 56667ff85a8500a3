import { ConfigurationError } from "../core/errors.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";
import type { MemoryKind, MemoryStore, MemorySweep } from "../ports/memory-store.ts";

/** A memory, and how long is kept what is in it. */
export type MemoryOptions = {
  readonly store: MemoryStore;
  /** How many days records of a kind are kept after they were seen; for ever where it is not said. */
  readonly keepDays?: { readonly [Kind in MemoryKind]?: number };
};

export type MemorySettings = {
  readonly memory: MemoryStore | null;
  readonly memoryKeepMs: NonNullable<MemorySweep["keepMs"]>;
};

const OWNER = "createRuntime: memory";
const DAY_MS = 86_400_000;
const KINDS = [
  "fact",
  "preference",
  "episode",
  "procedure",
  "summary",
] as const satisfies readonly MemoryKind[];
const NEEDED = [
  "write",
  "search",
  "get",
  "history",
  "list",
  "erase",
  "sweep",
] as const satisfies readonly (keyof MemoryStore)[];

/** @throws ConfigurationError for what is no memory, or cannot be kept so long. */
export const checkMemory = (asked: MemoryStore | MemoryOptions | undefined): MemorySettings => {
  if (asked === undefined) return { memory: null, memoryKeepMs: {} };
  if (!isObject(asked)) throw notAMemory();
  if (!("store" in asked)) return { memory: checkStore(asked), memoryKeepMs: {} };
  checkOptions(asked, { owner: OWNER, known: ["store", "keepDays"], later: [] });
  return { memory: checkStore(asked.store), memoryKeepMs: checkKept(asked.keepDays ?? {}) };
};

const checkKept = (days: NonNullable<MemoryOptions["keepDays"]>): MemorySettings["memoryKeepMs"] => {
  const owner = `${OWNER}: keepDays`;
  checkOptions(days, { owner, known: KINDS, later: [] });
  const kept = Object.entries(days).map(([kind, value]) => [
    kind,
    positiveInteger(owner, kind, value) * DAY_MS,
  ]);
  return Object.fromEntries(kept) as MemorySettings["memoryKeepMs"];
};

const checkStore = (store: MemoryStore): MemoryStore => {
  if (isObject(store) && NEEDED.every((name) => typeof store[name] === "function")) return store;
  throw notAMemory();
};

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

const notAMemory = (): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", 'createRuntime: "memory" must be an open memory.', {
    hint: "Give what createSqliteMemory answers, once it is awaited.",
  });
