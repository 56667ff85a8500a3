import type { MemoryBatch, MemoryViewer } from "../../ports/memory-store.ts";

export const ANN: MemoryViewer = { tenant: null, user: "ann", agent: null, session: "ses_1" };

/** Remembers two things that belong together, once for each name. */
export const episodeOf = (name: string): MemoryBatch => ({
  by: ANN,
  key: `key of ${name}`,
  now: 1_700_000_000_000,
  changes: ["cause", "effect"].map((what) => ({
    do: "add",
    memory: {
      scope: { ...ANN, session: null, namespace: "" },
      kind: "episode",
      text: `${what} of ${name}`,
      origin: "user",
    },
  })),
});
