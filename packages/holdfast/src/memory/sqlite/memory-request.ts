import type { Failure } from "../../core/failure.ts";
import type {
  MemoryBatch,
  MemoryErasure,
  MemoryListQuery,
  MemoryReader,
  MemorySearch,
  MemorySweep,
} from "../../ports/memory-store.ts";
import type { MemoryRanking } from "../rank-hits.ts";
import type { NewVectors } from "./memory-database.ts";
import type { VectorQuery } from "./near-vectors.ts";

export type MemoryThreadSettings = { readonly path: string; readonly ranking: MemoryRanking };

/** What changes something; many of them share a transaction. */
export type MemoryWriting =
  | { readonly do: "write"; readonly batch: MemoryBatch; readonly vectors: NewVectors }
  | { readonly do: "erase"; readonly what: MemoryErasure }
  | { readonly do: "sweep"; readonly options: MemorySweep };

export type MemoryReading =
  | { readonly do: "open" }
  | {
      readonly do: "search";
      readonly query: MemorySearch & { readonly limit: number };
      readonly near: VectorQuery;
    }
  | { readonly do: "get"; readonly reader: MemoryReader; readonly id: string }
  | { readonly do: "history"; readonly reader: MemoryReader; readonly id: string }
  | { readonly do: "list"; readonly query: MemoryListQuery };

export type MemoryAsk = MemoryWriting | MemoryReading;
export type MemoryRequest = { readonly id: number; readonly ask: MemoryAsk };
export type MemoryReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };
