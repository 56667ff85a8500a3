/** The words in which the reference tells of a session. Runs are r1, r2, …; calls are numbers, as in their inputs. */

export type WhenActive = "queue" | "steer" | "interrupt" | "reject";

export type ReferenceApproval = {
  readonly ask: number;
  readonly askedAt: number;
  readonly expiresAt: number | null;
  hasEscalated: boolean;
  readonly votes: Set<string>;
  isGranted: boolean;
};

export type ReferenceCall = {
  readonly n: number;
  readonly tool: string;
  status:
    | "requested"
    | "held"
    | "handed-over"
    | "started"
    | "lost"
    | "retrying"
    | "waiting"
    | "unknown"
    | "closed";
  attempt: number;
  /** Attempts that count: one that suspended itself, or was lost with its process, does not. */
  tries: number;
  /** When the status ends by itself; null for never. */
  dueAt: number | null;
  /** What a waiting call waits for; null for a time. */
  key: string | null;
  /** Nobody but a person can say what came of it. */
  needsPerson: boolean;
  stopping: "no" | "cancelled" | "given-up";
  /** It was told to stop, and may still say something until then. */
  dying: { readonly at: number; readonly code: string } | null;
  /** Of what times out in the same moment, the clock that was set first rings first. */
  setAs: number;
  /** It suspended itself once: part of it may have been done. */
  hasWaited: boolean;
  resumedBy: string | null;
  approval: ReferenceApproval | null;
  /** The input in place of the proposed one. */
  edit: number | null;
};

export type ReferenceRun = {
  readonly id: string;
  /** Inputs that joined it. */
  readonly joined: string[];
  /** Where in the conversation it begins. */
  readonly saidFrom: number;
  /** `owed`: the model is to be asked, at `modelDueAt`. */
  phase: "owed" | "asking" | "calls";
  modelDueAt: number;
  modelTries: number;
  turn: number;
  calls: ReferenceCall[];
  /** Numbers of the turn's calls in order, with what the model will be told. */
  results: Map<number, string | null>;
  isStopping: boolean;
  isRolledBack: boolean;
  readonly unknown: number[];
  /** What it waits for, once that is said; null while it is under way. */
  waits: readonly string[] | null;
};

export type ReferenceQueued = {
  readonly id: string;
  readonly text: string;
  readonly joins: string | null;
};

/** What was accepted from outside, and nobody has read. */
export type Mail =
  | { readonly kind: "input"; readonly id: string; readonly text: string; readonly whenActive: WhenActive }
  | { readonly kind: "cancel"; readonly id: string; readonly isRollback: boolean }
  | {
      readonly kind: "stop";
      readonly run: string;
      readonly call: number | null;
      readonly turn: number | null;
      readonly giveUp: readonly number[];
    }
  | { readonly kind: "pause" | "resume" | "forget" | "raise" }
  | { readonly kind: "signal"; readonly key: string; readonly value: number }
  | { readonly kind: "resolve"; readonly call: number; readonly as: "completed" | "failed" | "retry" }
  | { readonly kind: "result"; readonly call: number; readonly result: GivenResult }
  | {
      readonly kind: "decide";
      readonly call: number;
      readonly ask: number;
      readonly decision: GivenDecision;
    };

export type GivenResult = { readonly output: unknown } | { readonly error: string };

export type GivenDecision = {
  readonly verdict: "approve" | "reject";
  readonly by?: string;
  readonly message?: string;
  readonly input?: { readonly n: unknown; readonly edit?: number };
  readonly remember?: "run" | "session";
};

/** How an attempt at a tool call ends, where it is left alone. */
export type ToolEnd =
  | { readonly kind: "done" | "fails" | "did-nothing" }
  | { readonly kind: "fails-for-now"; readonly retryAfterMs: number }
  | { readonly kind: "waits-for"; readonly key: string; readonly timeoutMs: number | null }
  | { readonly kind: "waits-until"; readonly at: number };

/** What the model says. */
export type ModelEnd =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "calls"; readonly calls: readonly { readonly n: number; readonly tool: string }[] }
  | { readonly kind: "fails" }
  | { readonly kind: "fails-for-now"; readonly retryAfterMs: number };
