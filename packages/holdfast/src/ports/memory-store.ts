import type { Position, Timestamp } from "../core/ids.ts";

/**
 * What is still known in other sessions. Contract, cited by the conformance suite:
 *
 * K1  A record is seen where each member of its scope that is not null equals the viewer's, and its tenant is the viewer's, also
 *     where that is null. Nothing else is searched, counted, listed, changed or told of: not even whether it exists (S1).
 *     The statistics of a search are those of what the viewer sees, so that a score says nothing of others either.
 * K2  An operator sees all of one tenant, and nothing of another.
 * K3  A record is added in a scope whose members are null or the viewer's own. Changes are of records that the viewer sees.
 * K4  `write` is atomic: all changes of a batch, or none, and answered when they would survive a power loss.
 * K5  A batch with a key is done once for whoever it is by: the same key again answers what it answered the first time and does
 *     nothing, for 90 days at the least; after an erasure of what it did it does nothing either, and answers `erased`.
 * K6  A fact with a subject takes the place of the current one of the same scope, kind and subject: that one is superseded, and
 *     kept. One that was seen before the current one is `stale`. The same text again is `known`, and changes nothing; without a
 *     subject too, but of episodes and summaries, where the same is said many times. Case and spaces do not count.
 * K7  What was superseded or corrected is not found by `search`; `history` shows the chain, the oldest first. What is corrected
 *     was never so; what is superseded was so until then.
 * K8  A record of untrusted origin is quarantined: nobody sees it but the session it comes from (its scope's, or its source's) and
 *     operators, and it takes nobody's place, until an operator promotes it. Then it does what a new one would (K6).
 * K9  `search` finds current records alone: not expired, valid now, that fit every filter. A query is words, never syntax.
 * K10 `forget` removes a record with its whole chain; erasing removes a scope. Both are physical: text, words of the index,
 *     vectors and what was answered are gone from every file when an erasure is answered, of `forget` when the log is next emptied.
 *     An erasure of a session can name a position: what comes later of what was said there up to that is not taken, and answered
 *     `erased`, whoever brings it; but what an operator imports.
 * K11 All times are milliseconds, and those of the caller: a store has no clock.
 * K12 `list` goes through everything that was there when it began, once, from the newest to the oldest.
 * K13 What cannot be a record is refused with `OPTION_INVALID`, and nothing of its batch is done.
 */
export interface MemoryStore {
  /** See K3–K8. One answer a change, in order. */
  write(batch: MemoryBatch): Promise<readonly MemoryAnswer[]>;
  /** See K9; the best first. */
  search(query: MemorySearch): Promise<readonly MemoryHit[]>;
  /** A record by its id, superseded ones too; undefined when the reader does not see one. */
  get(reader: MemoryReader, id: string): Promise<MemoryRecord | undefined>;
  /** The chain a record belongs to; empty when the reader does not see it. */
  history(reader: MemoryReader, id: string): Promise<readonly MemoryRecord[]>;
  /** See K12. */
  list(query: MemoryListQuery): Promise<MemoryPage>;
  /** See K10. Answers how many records are gone. */
  erase(what: MemoryErasure): Promise<number>;
  /** Removes what has expired, or is older than its kind is kept. Answers how many records are gone. */
  sweep(options: MemorySweep): Promise<number>;
  close(): Promise<void>;
}

export type MemoryKind = "fact" | "preference" | "episode" | "procedure" | "summary";

/** Who a record is for; null is for everybody. The namespace is a drawer of its own in it. */
export type MemoryScope = {
  readonly tenant: string | null;
  readonly user: string | null;
  readonly agent: string | null;
  readonly session: string | null;
  readonly namespace: string;
};

/** Who asks. */
export type MemoryViewer = {
  readonly tenant: string | null;
  readonly user: string | null;
  readonly agent: string | null;
  readonly session: string | null;
};

/** A viewer, or somebody who answers for a whole tenant (K2). */
export type MemoryReader = MemoryViewer | { readonly operatorOf: string | null };

/** Where it was said. */
export type MemorySource = { readonly sessionId: string; readonly position: Position };

/** Who said it. */
export type MemoryOrigin = "user" | "model" | "tool" | "operator" | "import";

export type MemoryRecord = {
  /** `mem_` and 24 letters, digits, `_` or `-`. */
  readonly id: string;
  readonly scope: MemoryScope;
  readonly kind: MemoryKind;
  /** 1 to 20,000 characters. */
  readonly text: string;
  /** What it is about, so that what contradicts it finds it (K6). */
  readonly subject: string | null;
  /** Words it is found by as well, though less surely: who spoke, when, what was said around it. */
  readonly context: string | null;
  readonly source: MemorySource | null;
  readonly origin: MemoryOrigin;
  readonly trust: "trusted" | "quarantined";
  /** From 0 to 1. */
  readonly confidence: number;
  readonly seenAt: Timestamp;
  readonly validFrom: Timestamp | null;
  readonly validTo: Timestamp | null;
  readonly expiresAt: Timestamp | null;
  /** What it took the place of, and how. */
  readonly supersedes: string | null;
  readonly revision: "first" | "superseding" | "correcting";
  readonly supersededBy: string | null;
};

/** A record to be. */
export type NewMemory = Pick<MemoryRecord, "scope" | "kind" | "text" | "origin"> &
  Partial<
    Pick<
      MemoryRecord,
      "subject" | "context" | "source" | "confidence" | "seenAt" | "validFrom" | "validTo" | "expiresAt"
    >
  > & {
    /** False for what comes of untrusted text (K8). By default what a tool says is not trusted, and everything else is. */
    readonly isTrusted?: boolean;
  };

export type MemoryChange =
  | { readonly do: "add"; readonly memory: NewMemory }
  /** It has changed: `text` is so from now on. */
  | ({ readonly do: "supersede"; readonly id: string } & MemoryRevision)
  /** It was wrong: `text` was so all along. */
  | ({ readonly do: "correct"; readonly id: string } & MemoryRevision)
  /** By an operator alone (K8). */
  | { readonly do: "promote"; readonly id: string }
  | { readonly do: "forget"; readonly id: string }
  /** As it was exported, into the operator's tenant; `known` when its id is there. By an operator alone. */
  | { readonly do: "import"; readonly record: MemoryRecord };

export type MemoryRevision = Pick<NewMemory, "text" | "origin" | "source" | "isTrusted">;

export type MemoryBatch = {
  readonly by: MemoryReader;
  /** See K5; null for a batch that may be done again. Ids are made of it. */
  readonly key: string | null;
  readonly now: Timestamp;
  readonly changes: readonly MemoryChange[];
};

/**
 * What came of a change. `missing`: the viewer sees no such record. `stale`: it was superseded before; `id` is the current one.
 * `refused`: only an operator may, or only what is trusted. `erased`: it was done once, and what it did was erased since.
 */
export type MemoryAnswer =
  | { readonly status: "added"; readonly id: string; readonly trust: MemoryRecord["trust"] }
  | { readonly status: "superseded"; readonly id: string; readonly old: string }
  | { readonly status: "known"; readonly id: string }
  | { readonly status: "promoted"; readonly id: string }
  | { readonly status: "forgotten"; readonly ids: readonly string[] }
  | { readonly status: "stale"; readonly id: string }
  | { readonly status: "missing" }
  | { readonly status: "refused" }
  | { readonly status: "erased" };

export type MemoryFilter = {
  readonly kinds?: readonly MemoryKind[];
  readonly namespaces?: readonly string[];
  readonly subject?: string;
  /** Of what the reader sees (K8); both by default. */
  readonly trust?: MemoryRecord["trust"];
  /** By `seenAt`: from this time on. */
  readonly since?: Timestamp;
  /** By `seenAt`: before this time. */
  readonly before?: Timestamp;
};

export type MemorySearch = MemoryFilter & {
  readonly viewer: MemoryViewer;
  /** Its first 10,000 characters count. */
  readonly text: string;
  readonly now: Timestamp;
  /** 10 by default, 200 at most. */
  readonly limit?: number;
  /** All texts together, at four characters a token; without end by default. */
  readonly maxTokens?: number;
};

export type MemoryHit = {
  readonly record: MemoryRecord;
  readonly score: number;
  /** What the score is made of: ranks from 1, null where that side did not find it; factors around 1. */
  readonly parts: {
    readonly lexicalRank: number | null;
    /** By words that look alike, as with a typing error. */
    readonly alikeRank: number | null;
    readonly vectorRank: number | null;
    readonly recency: number;
    readonly scope: number;
    readonly confidence: number;
  };
};

export type MemoryListQuery = MemoryFilter & {
  readonly reader: MemoryReader;
  /** Only what is for this user. */
  readonly user?: string;
  /** Superseded ones too; false by default. */
  readonly all?: boolean;
  readonly limit: number;
  readonly cursor?: string;
};

export type MemoryPage = { readonly records: readonly MemoryRecord[]; readonly cursor: string | null };

/** What is erased of a tenant: a user, a session (also what came from it), or everything. */
export type MemoryErasure = { readonly tenant: string | null } & (
  | { readonly user: string }
  | {
      readonly session: string;
      /** What was said there up to this position is not taken any more, however late somebody comes with it. */
      readonly upTo?: Position;
    }
  | { readonly everything: true }
);

export type MemorySweep = {
  readonly now: Timestamp;
  /** How long records of a kind are kept after they were seen, in milliseconds; for ever where it is not said. */
  readonly keepMs?: { readonly [Kind in MemoryKind]?: number };
};
