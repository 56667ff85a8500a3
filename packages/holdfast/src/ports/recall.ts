import type { MemoryKind } from "./memory-store.ts";

/** What an agent is told of the memory when a run begins; resolved. */
export type RecallSettings = {
  /** What is found by the words of the input; null for nothing. */
  readonly search: {
    readonly limit: number;
    readonly maxTokens: number;
    readonly kinds: readonly MemoryKind[] | null;
  } | null;
  /** What is told in every run, the newest first; null for nothing. */
  readonly pinned: {
    readonly limit: number;
    readonly maxTokens: number;
    readonly kinds: readonly MemoryKind[];
  } | null;
  readonly namespace: string;
  /** The drawer of one agent; null for what all agents share. */
  readonly agent: string | null;
  readonly timeoutMs: number;
};
