import type { WhenActive } from "../../../core/when-active.ts";
import type { Sha256, StoredEvent } from "../../../core/hash-chain.ts";
import type { FailureCode } from "../../../core/failure.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "../../../core/ids.ts";
import type { Message } from "../../../core/message.ts";
import type { ToolEffect } from "../../../core/run-settings.ts";
import type { Account, ConflictReason } from "../../../ports/journal-store.ts";
import type { MemoryRecord } from "../../../ports/memory-store.ts";
import type { ModelSettings } from "../../../ports/model.ts";
import type { BudgetOptions, Outcome } from "../../../runtime/index.ts";
import type { Saying } from "../sayings.ts";

/**
 * What the outside world saw of one attempt at a tool call. It is written down by the world itself, not
 * by the process that acted, so a process that dies or lies cannot change it.
 */
export type EffectEntry = {
  /**
   * `entered`: the tool's code ran. `executed`: the world changed. `asked`: somebody began to ask whether it had, and
   * `verified`: looked.
   * `returned`, `threw`, `refused`: how the tool's code ended; refusing, it promised that nothing happened.
   */
  readonly kind: "entered" | "executed" | "asked" | "verified" | "returned" | "threw" | "refused";
  readonly sessionId: SessionId;
  readonly callId: CallId;
  readonly attempt: number;
  readonly effect: ToolEffect;
  readonly idempotencyKey: string;
  readonly at: Timestamp;
  /** The last durable event of the session at that moment. */
  readonly durable: Position;
  /** What the tool was entered with, and of whom it was told that it works for them. */
  readonly input?: unknown;
  readonly client?: string;
  /** How long it asked to be left alone. */
  readonly retryAfterMs?: number;
  /** The process in which it happened, and who had the session. */
  readonly by?: string;
  readonly holder?: string | null;
};

/** What a model was asked and what it did about it; written down by the model itself. */
export type ModelEntry = {
  readonly sessionId: SessionId;
  readonly at: Timestamp;
  readonly durable: Position;
  readonly provider: string;
  /** The process that asked, and when in the order of what happened. */
  readonly by?: string;
  readonly order?: number;
  readonly prompt: readonly Message[];
  /** Null where it did not finish one. */
  readonly answer: ModelSaying | null;
  /** Null where it did not fail by itself. */
  readonly code: FailureCode | null;
  readonly retryAfterMs: number | null;
};

/** A call of a model as the model had it. Time in which its process was stopped does not count. */
export type ModelVisit = {
  readonly sessionId: SessionId;
  readonly by: string;
  /** The last durable event when it was called, and who had the session; null where nobody ever had. */
  readonly durable: Position;
  readonly holder: string | null;
  /** Whether it was told to stop before it was called. */
  readonly isStopped: boolean;
  /** Until the first piece, and the longest between two of them; until the last, null where there was none. */
  readonly firstMs: number;
  readonly silenceMs: number;
  readonly lastMs?: number | null;
  /** Until the first piece that said something. */
  readonly textMs?: number | null;
  /** What it was asked to heed. */
  readonly settings?: ModelSettings;
  /** Until the answer; null where there was none. */
  readonly answeredMs: number | null;
};

export type ModelSaying = {
  readonly text: string;
  /** Names of the tools it asked for, in order. */
  readonly calls: readonly string[];
  readonly finish: string;
  /** Null where it reported none. */
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | null;
  /** Whether it is an answer of the form that was asked for; null where none was. */
  readonly fits?: boolean | null;
};

/** A commit that the store answered with ok, and who asked for it. */
export type Written = {
  readonly sessionId: SessionId;
  readonly writer: string;
  readonly epoch: number;
  readonly events: readonly StoredEvent[];
  /** When it was answered, by time that never goes back. */
  readonly atMs?: number;
  /** Whether the session was let go with it. */
  readonly isLet?: boolean;
};

/** A signal that the store took, in the order in which it took them. */
export type Posted = {
  readonly sessionId: SessionId;
  /** The process that posted it, and when. */
  readonly by: string;
  readonly at: Timestamp;
  /** `duplicate` where the key was known: then nothing was posted. */
  readonly kind: string;
  readonly runId: RunId | null;
  readonly key: string | null;
};

/** A claim by who had read something else than what was written, at this end of the journal (J4). */
export type ActedOnDamage = {
  readonly sessionId: SessionId;
  readonly by: string;
  readonly position: Position;
};

/** A session in which a later version has written, in the end; and what became of it. */
export type Stranger = {
  readonly sessionId: SessionId;
  readonly wrote: string;
  /** The end of the journal before and after that, and where it was found to end much later. */
  readonly after: Position;
  readonly end: Position;
  readonly foundEnd?: Position;
  /** How often it was loaded since, and how often somebody who may not read it tried to write in it. */
  readonly looks?: number;
  readonly tries?: number;
};

/** A commit that the store refused, when so many had been taken from all, and why. */
export type Refused = {
  readonly sessionId: SessionId;
  readonly by: string;
  readonly written: number;
  readonly why?: ConflictReason;
};

/** A piece of an answer as a subscriber saw it, after this durable event. */
export type Piece = {
  readonly subscriber: string;
  readonly sessionId: SessionId;
  readonly startedAt: Position;
  readonly attempt: number;
  readonly type: string;
  readonly offset: number;
  readonly text: string;
  readonly after: Position;
  /** After this position it wanted to be told: an end before that it has not seen. */
  readonly since?: Position;
};

/** A stretch of time in which a tool was at work; `until` is when it ended, was told to stop, or died. */
export type Activity = Pick<EffectEntry, "sessionId" | "callId" | "attempt"> & {
  readonly tool?: string;
  readonly until: Timestamp | null;
  /** The last durable event of the session at that moment. */
  readonly untilDurable?: Position;
  readonly by?: string;
  readonly began?: Moment;
  readonly ended?: Moment | null;
  /** How long it was at work, without the time in which its process was stopped. */
  readonly ranMs?: number;
};

/** A moment in the order of what happened, and by time that never goes back. */
export type Moment = { readonly order: number; readonly ms: number };

/** `cancelRun` has returned to who called it, in this process. */
export type Stop = {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly by: string;
  readonly at: Moment;
};

/**
 * A stretch of time in which a process could not do as it would: it stood still, was dead or on its way out, its
 * store failed or took its time, its clock jumped.
 */
export type Trouble = {
  readonly by: string;
  readonly kind: "stopped" | "gone" | "store" | "clock";
  readonly fromMs: number;
  readonly untilMs: number;
};

/** A process began its work, or the store was told that it is gone, by time that never goes back. */
export type Milestone = { readonly by: string; readonly atMs: number };

/** A lease that ran out, and from when to when it was held since it was last renewed, by time that never goes back. */
export type Lapse = {
  readonly sessionId: SessionId;
  readonly by: string;
  readonly heldMs: number;
  readonly endMs: number;
};

export type Left = { readonly sessionId: SessionId; readonly by: string };

/**
 * A claim of what had not been let go: who had it, until when by the store's clock, and whether the one who claimed it
 * had read that.
 */
export type Taking = {
  readonly sessionId: SessionId;
  readonly epoch: number;
  readonly from: string;
  readonly expiresAt: Timestamp;
  readonly isKnown: boolean;
};

/** Somebody who follows a session and has not stopped. */
export type Follower = {
  readonly subscriber: string;
  readonly sessionId: SessionId;
  /** After this position it wanted to be told. */
  readonly since?: Position;
};

/** A result that a tool gave after it had been told to stop, by a clock that never goes back. */
export type LateReturn = {
  readonly sessionId: SessionId;
  readonly callId: CallId;
  readonly attempt: number;
  readonly by: string;
  readonly sinceMs: number;
};

/** What callers were told, and may therefore rely on. */
export type Acknowledged =
  /** An input was accepted as this run; `says` is in its content and in no other input's. */
  | {
      readonly kind: "input";
      readonly sessionId: SessionId;
      readonly key: string;
      readonly runId: RunId;
      readonly says: string;
      /** All of it as a line, and what it weighs in the window. */
      readonly sent?: { readonly line: string; readonly chars: number };
      /** What the model is to heed in this run. */
      readonly settings?: ModelSettings;
      /** Who was asked, and when the answer came. */
      readonly by?: string;
      readonly at?: Timestamp;
      /** What its sender wanted while a run is active. */
      readonly whenActive?: WhenActive;
    }
  /** The cancel of one call was stored when this was the last durable event. */
  | {
      readonly kind: "cancel-call";
      readonly sessionId: SessionId;
      readonly callId: CallId;
      readonly durable: Position;
    }
  | { readonly kind: "pause"; readonly sessionId: SessionId; readonly durable: Position }
  /** An input that interrupts was stored when this was the last durable event. */
  | {
      readonly kind: "interrupt";
      readonly sessionId: SessionId;
      readonly runId: RunId;
      readonly durable: Position;
    }
  /** A cancel was stored when this was the last durable event. */
  | {
      readonly kind: "cancel";
      readonly sessionId: SessionId;
      readonly runId: RunId;
      readonly durable: Position;
    };

/** What a stranger asked of the store, what its contract says to that, and what it said. */
export type Probe = {
  readonly contract: string;
  readonly sessionId: SessionId;
  readonly asked: string;
  readonly expected: string;
  readonly answered: string;
};

/** What callers were told beside acknowledgements; `durable` was the last durable event when they were. */
export type Told =
  /** A session was given out as one of this agent. */
  | { readonly kind: "session"; readonly sessionId: SessionId; readonly agent: string }
  /** All runs were to be stopped, and these were; `before` had been acknowledged by then. */
  | {
      readonly kind: "stopped";
      readonly sessionId: SessionId;
      readonly before: readonly RunId[];
      readonly runs: readonly RunId[];
      readonly durable: Position;
    }
  /** A person's answer about a call was taken. */
  | {
      readonly kind: "resolution";
      readonly sessionId: SessionId;
      readonly callId: CallId;
      readonly durable: Position;
    };

/** An event as a subscriber saw it, when this was the last durable one. */
export type Sighting = {
  readonly subscriber: string;
  readonly sessionId: SessionId;
  readonly position: Position;
  readonly type: string;
  readonly durable: Position;
  /** After this position the subscriber wanted to be told. */
  readonly since?: Position;
};

/** Who read what there was, when it was at least so much, and how far. */
export type Glance = {
  readonly subscriber: string;
  readonly sessionId: SessionId;
  readonly seen: Position;
  readonly least: Position;
};

/** Somebody who waits for the end of a run. */
export type Asker = { readonly name: string; readonly sessionId: SessionId; readonly runId: RunId };

/** What somebody was told of a run, when this was the last durable event of its session. */
export type RunAnswer = {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly durable: Position;
  readonly answer:
    | { readonly kind: "outcome"; readonly told: Outcome }
    | {
        readonly kind: "text";
        readonly onCut: "fail" | "restart";
        readonly text: string;
        readonly isCut: boolean;
      }
    | { readonly kind: "events"; readonly last: Position };
};

/** Content up to a position was to be forgotten; these were the events before. */
export type Erasure = {
  readonly sessionId: SessionId;
  readonly upTo: Position;
  readonly events: readonly StoredEvent[];
  readonly from: Moment;
  /** Whether the store said that it is. */
  readonly isDone: boolean;
};

/** A file of a conversation that a model asked for and could not have, or could have and should not. */
export type WrongFile = {
  readonly sessionId: SessionId;
  readonly digest: string;
  readonly problem: "is gone" | "is another" | "tells a secret";
};

/** A decision on a call that waits for approval, as whoever decided was told that it counts. */
export type DecisionTaken = {
  readonly sessionId: SessionId;
  readonly callId: CallId;
  readonly approvalId: string;
  readonly verdict: "approve" | "reject";
  /** Whether one decision is enough. */
  readonly isLone: boolean;
};

/** What tools with limits have in common. */
export type Bank = {
  readonly tools: ReadonlySet<string>;
  readonly maxConcurrent: number;
  readonly maxWaitMs: number;
};

/** Everything that can be known of what happened without asking the engine. */
export type History = {
  readonly sha256: Sha256;
  readonly journals: ReadonlyMap<SessionId, readonly StoredEvent[]>;
  readonly effects: readonly EffectEntry[];
  readonly acknowledged: readonly Acknowledged[];
  readonly probes?: readonly Probe[];
  readonly actedOnDamage?: readonly ActedOnDamage[];
  readonly strangers?: readonly Stranger[];
  readonly told?: readonly Told[];
  readonly activities?: readonly Activity[];
  /** The same of looking whether a call had taken place. */
  readonly checks?: readonly Activity[];
  readonly lateReturns?: readonly LateReturn[];
  readonly refused?: readonly Refused[];
  readonly sightings?: readonly Sighting[];
  readonly stops?: readonly Stop[];
  readonly troubles?: readonly Trouble[];
  readonly lapses?: readonly Lapse[];
  /** Sessions whose lease had run out by then, some time before all was quiet, and that nobody has let go since. */
  readonly left?: readonly Left[];
  readonly leftMs?: number;
  readonly takings?: readonly Taking[];
  /** Processes that said that they cannot go on with a session. */
  readonly broken?: readonly (Left & Milestone)[];
  readonly births?: readonly Milestone[];
  /** Of a process that went without a word to the store nothing stands here. */
  readonly deaths?: readonly Milestone[];
  /** Those who follow a session in a process that lives, when all is quiet. */
  readonly followers?: readonly Follower[];
  /** What a provider would have refused, by session. */
  readonly refusedPrompts?: readonly { readonly sessionId: SessionId; readonly problem: string }[];
  readonly models?: readonly ModelEntry[];
  readonly visits?: readonly ModelVisit[];
  /** Dollars for a million tokens, by provider; nobody knows what others cost. */
  readonly prices?: ReadonlyMap<string, { readonly inputPerMTok: number; readonly outputPerMTok: number }>;
  /** What accounts hold in the end, and the budgets that they are for; absent where no run is held against any. */
  readonly accounts?: readonly Account[];
  readonly budgets?: readonly BudgetOptions[];
  /** How long a model may take to begin, between two pieces, and in all. */
  readonly modelLimits?: { readonly firstTokenMs: number; readonly gapMs: number; readonly totalMs: number };
  readonly written?: readonly Written[];
  readonly posted?: readonly Posted[];
  readonly pieces?: readonly Piece[];
  readonly wrongFiles?: readonly WrongFile[];
  readonly erasures?: readonly Erasure[];
  readonly glances?: readonly Glance[];
  readonly answers?: readonly RunAnswer[];
  /** Those who wait for the end of a run in a process with which all is well. */
  readonly askers?: readonly Asker[];
  /** What tools said of how far they had come, as followers heard it. */
  readonly remarks?: readonly { readonly sessionId: SessionId; readonly text: string }[];
  /** Signals that nobody had read in the end, by session. */
  readonly unread?: ReadonlyMap<SessionId, number>;
  /** Names of the tools that a process which lives has had all along. */
  readonly known?: ReadonlySet<string>;
  /** What bears so many calls of each process at once, and no more; absent where all bear any number. */
  readonly bank?: Bank;
  /** What must stand nowhere. */
  readonly secrets?: readonly string[];
  /** What was decided, and taken. */
  readonly decisions?: readonly DecisionTaken[];
  /** Whether somebody has to be asked about a call with this input; absent where nobody ever is. */
  readonly isAskedAbout?: (input: unknown) => boolean;
  /** When everything had long been quiet; without it runs may still be under way. */
  readonly quietAt?: Timestamp;
  /** Timers that still run in a process where all is quiet, beside those of its rounds. */
  readonly timersLeft?: readonly { readonly by: string; readonly count: number }[];
  /** Whether sessions had to wait for each other. */
  readonly isCrowded?: boolean;
  /** Users of an agent that remembers; its sessions, and those in which it is read, are here and not among the others. */
  readonly archive?: {
    readonly journals: ReadonlyMap<SessionId, readonly StoredEvent[]>;
    readonly entrusted: readonly Entrusted[];
    readonly records: readonly MemoryRecord[];
    /** Runs whose reading is still owed, or was given up and told so. */
    readonly unread: ReadonlySet<RunId>;
    /** Words of which the file is there that was saved with them. */
    readonly files: ReadonlySet<string>;
    /** Words that are to be nowhere. */
    readonly forgotten: ReadonlySet<string>;
    readonly consulted: readonly Consulted[];
  };
  /** Agents that ask others; their sessions are here and not among the others. */
  readonly team?: {
    readonly journals: ReadonlyMap<SessionId, readonly StoredEvent[]>;
    readonly noted: readonly Noted[];
    readonly accepted: readonly { readonly sessionId: SessionId; readonly runId: RunId }[];
  };
  /** What was owed outside of sessions; the sessions of schedules are here and not among the others. */
  readonly calendar?: {
    readonly planned: readonly PlannedTicks[];
    readonly tellings: readonly Telling[];
    readonly journals: ReadonlyMap<SessionId, readonly StoredEvent[]>;
  };
};

/** What a user said to an agent that remembers. */
export type Entrusted = {
  readonly user: string;
  readonly saying: Saying;
  readonly noun: string;
  /** No other saying has it. */
  readonly word: string;
  readonly taken: { readonly sessionId: SessionId; readonly runId: RunId } | null;
  /** Nobody was forgetting the user when it was said. */
  readonly isCertain: boolean;
};

/** What users were to have said, by a prompt. */
export type Consulted = {
  readonly sessionId: SessionId;
  readonly texts: readonly string[];
  readonly durable: Position;
};

/** What a worker wrote down, under the key of the call. */
export type Noted = { readonly key: string; readonly sessionId: SessionId; readonly what: string };

/** A schedule that somebody wanted: a tick at `startAt` and each `everyMs` after it, until `endAt`. */
export type PlannedTicks = {
  readonly schedule: string;
  readonly everyMs: number;
  readonly startAt: Timestamp;
  readonly endAt: Timestamp;
  /** When it was made, by the store; null where it is not there. */
  readonly createdAt: Timestamp | null;
  readonly isAcknowledged: boolean;
  /** Whether all its ticks go to one session. */
  readonly isShared: boolean;
};

/** Somebody was told of an event, in this order. */
export type Telling = {
  readonly id: string;
  readonly type: string;
  readonly sessionId: SessionId;
  readonly position: Position;
  readonly by: string;
  readonly order: number;
  /** False where it was not taken, and has to be told again. */
  readonly isTaken: boolean;
};
