import type { StoredEvent } from "../../core/hash-chain.ts";
import type { Failure } from "../../core/failure.ts";
import type { Position, SessionId, Timestamp } from "../../core/ids.ts";
import type {
  AccountQuery,
  CommitRequest,
  DueQuery,
  ListQuery,
  NewSignal,
  SessionOwner,
  Snapshot,
} from "../../ports/journal-store.ts";
import type { DueDutiesQuery, DutyChange, DutyQuery } from "../../ports/duty.ts";
import type { Packed } from "./cells.ts";

/** A blob as the store's thread gets it: with its bytes, or already safe in a file of its own. */
export type PlacedBlob = { readonly digest: string; readonly bytes: Uint8Array | null };

export type PostedSignal = Omit<NewSignal, "blobs"> & {
  /** For the digest of its body that the dedupe key keeps (C7). */
  readonly salt: Uint8Array | null;
  readonly blobs: readonly PlacedBlob[];
};

export type PlacedCommit = Omit<CommitRequest, "blobs" | "post"> & {
  readonly blobs: readonly PlacedBlob[];
  readonly post: readonly PostedSignal[];
};

/** Everything that changes the database: gathered into one transaction, in the order of asking. */
export type Write =
  | { readonly kind: "commit"; readonly commit: PlacedCommit }
  | {
      readonly kind: "create";
      readonly sessionId: SessionId;
      readonly owner: SessionOwner;
      readonly events: readonly StoredEvent[];
    }
  | { readonly kind: "post"; readonly signals: readonly PostedSignal[] }
  | { readonly kind: "snapshot"; readonly sessionId: SessionId; readonly snapshot: Snapshot }
  | {
      readonly kind: "renew";
      readonly holder: string;
      readonly leases: readonly { readonly sessionId: SessionId; readonly epoch: number }[];
    }
  | { readonly kind: "erase"; readonly sessionId: SessionId; readonly upTo: Position | null }
  | { readonly kind: "expire"; readonly settledBefore: Timestamp; readonly limit: number }
  | { readonly kind: "duty"; readonly change: DutyChange }
  | { readonly kind: "enter"; readonly holder: string; readonly state: "registering" | "alive" | "dead" };

export type NumberedWrite = { readonly id: number; readonly write: Write };

/** Everything that only looks. */
export type Read =
  | { readonly kind: "load"; readonly sessionId: SessionId }
  | { readonly kind: "head"; readonly sessionId: SessionId }
  | {
      readonly kind: "read";
      readonly sessionId: SessionId;
      readonly after: Position;
      readonly limit: number;
      readonly omitPayload: boolean;
    }
  | { readonly kind: "read-at"; readonly sessionId: SessionId; readonly positions: readonly Position[] }
  | { readonly kind: "due"; readonly query: DueQuery }
  | { readonly kind: "next-wake"; readonly agents: readonly string[]; readonly assignees: readonly string[] }
  | { readonly kind: "due-duties"; readonly query: DueDutiesQuery }
  | { readonly kind: "list-duties"; readonly query: DutyQuery }
  | { readonly kind: "list"; readonly query: ListQuery }
  | { readonly kind: "find-run"; readonly runId: string }
  | { readonly kind: "accounts"; readonly query: AccountQuery }
  | { readonly kind: "read-blob"; readonly sessionId: SessionId; readonly digest: string }
  | { readonly kind: "changes" }
  | { readonly kind: "recover" }
  | { readonly kind: "bury" }
  | { readonly kind: "check" }
  | { readonly kind: "backup"; readonly path: string }
  | { readonly kind: "sweep" }
  | { readonly kind: "close" };

export type NumberedRead = { readonly id: number; readonly read: Read };

/** One message to the store's thread: what was asked in one turn of the event loop. */
export type Request = {
  /** Rises by one; the transaction that holds these writes records it. */
  readonly sequence: number;
  /** The store's clock: its thread has none of its own (C11). */
  readonly now: Timestamp;
  readonly writes: Packed;
  readonly reads: readonly NumberedRead[];
};

/** Answers by request id; a refusal carries a failure, or `indeterminate` for a commit (C6). */
export type Answer = {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: Failure & { readonly hint?: string };
};

/** Answers, and what went wrong on the way though it may have been put right. */
export type Reply = { readonly answers: readonly Answer[]; readonly incident: Failure | null };

/** What the thread is started with. */
export type WorkerSettings = {
  readonly dataDir: string;
  readonly holderId: string;
  readonly durability: "full" | "relaxed";
  /** The version of this process's journals (C16). */
  readonly journalVersion: number;
  /** Whether it takes the place of a thread that died. */
  readonly isRestart: boolean;
  /** Only for tests: the largest size of the database, in pages. */
  readonly maxPages: number | null;
};
