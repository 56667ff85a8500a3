import type { BudgetStanding, Reserved } from "./budget-terms.ts";
import type { Allowance, OpenApproval } from "./approval.ts";
import type { AfterUnknown, RunTotals } from "./event.ts";
import type { FailureCode } from "./failure.ts";
import type { CalledBy } from "./child-call.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "./ids.ts";
import type { SendLimits } from "./run-limits.ts";
import type { ModelCandidate, RunSettings, ToolPolicy } from "./run-settings.ts";
import type { TokenGauge } from "./token-gauge.ts";
import type { Undoing, WriteCall } from "./undo-terms.ts";
import type { RunDefinition } from "./upgrade-terms.ts";
import type { Charge, Spend } from "./usage.ts";
import type { Wait } from "./wait.ts";

/**
 * The fold of a journal: O(open run + window), never O(journal).
 * Closed turns leave it; what they said is found again by position.
 */
export const STATE_VERSION = 14;

export type RunStatus = "pending" | "running" | "suspended" | "completed" | "failed" | "cancelled";

/** One tool call of the current turn that has not got its result yet. */
export type OpenCall = {
  readonly callId: CallId;
  readonly tool: string;
  readonly policy: ToolPolicy;
  /** Attempts started so far. */
  readonly attempt: number;
  /** Of those, attempts that cost no retry: lost with their holder, or ended because the tool suspended itself. */
  readonly lost: number;
  /** Set when somebody cancelled this call alone; `given-up` when its outcome is not waited for any more (E5). */
  readonly stopping: "cancelled" | "given-up" | null;
  /** Why it was entered again after it suspended itself; null when it did not. */
  readonly resumed: {
    readonly by: "time" | "signal" | "timeout";
    readonly signalAt: Position | null;
  } | null;
  readonly status: CallStatus;
  /** Null when nobody has to be asked. */
  readonly approval: OpenApproval | null;
  /** The tool that was asked for, why it failed, and after how many attempts, where another takes its place (E7). */
  readonly insteadOf: {
    readonly tool: string;
    readonly code: FailureCode;
    readonly attempts: number;
  } | null;
};

export type CallStatus =
  /** Owed: never started, or sent back by a person or a verification. */
  | { readonly kind: "requested" }
  /** Waits for somebody's approval (E4). */
  | { readonly kind: "held" }
  /** Waits for whoever called the agent, or for another agent, to run it and say what came of it. */
  | {
      readonly kind: "handed-over";
      readonly since: Timestamp;
      readonly dueAt: Timestamp | null;
      /** The session of the agent that is to answer it; null where the caller is. */
      readonly child: SessionId | null;
    }
  /** In flight with the holder of the lease. */
  | { readonly kind: "started"; readonly at: Timestamp; readonly notAfter: Timestamp }
  /** Was in flight with a holder that is gone. */
  | { readonly kind: "lost"; readonly notAfter: Timestamp; readonly safeAt: Timestamp }
  /** Failed in a way that may be repeated. */
  | { readonly kind: "retrying"; readonly dueAt: Timestamp }
  /** Its tool suspended itself, until a time or for a signal. */
  | { readonly kind: "waiting"; readonly until: Timestamp | null; readonly key: string | null }
  /** Nobody knows whether it took place (E2). */
  | { readonly kind: "unknown"; readonly next: Exclude<AfterUnknown, { kind: "give-up" }> };

/** The model call that is in flight, or was when its holder went. */
export type OpenModelCall = {
  readonly position: Position;
  readonly attempt: number;
  readonly candidate: number;
  readonly at: Timestamp;
  /** What the call is charged when its answer is never seen. */
  readonly estimate: Charge;
  /** What is set aside for it (E8). */
  readonly reserved: Reserved | null;
  /** The window that it was asked with. */
  readonly chars: number;
  readonly entries: number;
  readonly isLost: boolean;
};

/** The call of the model that sums up, with what the run goes on with after it. */
export type OpenSummaryCall = Pick<OpenModelCall, "position" | "at" | "estimate" | "reserved" | "isLost"> & {
  /** So many of the oldest entries of the window. */
  readonly dropped: number;
};

/** The next model call is owed, at `dueAt`. */
type Ready = {
  readonly kind: "ready";
  readonly turn: number;
  readonly attempt: number;
  readonly candidate: number;
  readonly dueAt: Timestamp;
};

/** Where the open run stands. */
export type Phase =
  | Ready
  /** What is about to leave the window is summed up, before the model call that is owed. */
  | { readonly kind: "summarising"; readonly call: OpenSummaryCall; readonly next: Ready }
  | { readonly kind: "calling-model"; readonly call: OpenModelCall }
  | { readonly kind: "calling-tools"; readonly answerAt: Position; readonly calls: readonly OpenCall[] }
  /** The model answered; the run's end is owed. */
  | { readonly kind: "answered"; readonly answerAt: Position }
  /** The run cannot go on; its end is owed. */
  | { readonly kind: "failing"; readonly code: FailureCode; readonly causeAt: Position | null };

export type Suspension = { readonly since: Timestamp; readonly waitingFor: readonly Wait[] };

/** Why an open run is being brought to its end. */
export type Stopping = "cancelled" | "expired";

export type OpenRun = {
  readonly runId: RunId;
  readonly acceptedAt: Position;
  /** Where the question stands that its part of the window begins with: its input, or what the agent was told that took over. */
  readonly inputAt: Position;
  /** Inputs that joined it (S4): who asks for one of them is told of this run. */
  readonly steers: readonly RunId[];
  readonly startedAt: Timestamp;
  readonly settings: RunSettings;
  /** The definition that it goes on with (S6). */
  readonly definition: RunDefinition;
  readonly trace: string | null;
  readonly calledBy: CalledBy | null;
  readonly turn: number;
  readonly toolCalls: number;
  /** How often in a row the last call has given the same result (E8); 0 when nobody can say. */
  readonly repeats: number;
  readonly retries: number;
  readonly outputRepairs: number;
  readonly spend: Spend;
  /** How it stands with its budgets. */
  readonly budget: BudgetStanding;
  /** The candidate that answered last: later turns stay with it. */
  readonly candidate: number;
  readonly phase: Phase;
  readonly stopping: Stopping | null;
  /** Whether what it said leaves the conversation when it ends, and whether that is done (E5). */
  readonly rollback: "no" | "owed" | "done";
  /** Calls given up without knowing their outcome. */
  readonly unknown: readonly CallId[];
  /** Its writes that took place or may have, in the order in which their last attempts began. */
  readonly writes: readonly WriteCall[];
  /** Set while what it did is being undone; its end is decided then, and comes after that (E10). */
  readonly undoing: Undoing | null;
  readonly suspended: Suspension | null;
  /** Time spent suspended so far; it does not count towards `maxDurationMs`. */
  readonly suspendedMs: number;
  /** Set when the provider says the prompt is too long: the window is halved before the next call. */
  readonly mustCompact: boolean;
  /** A summary that was asked for since the last compaction, and where it stands; null there for one that failed. */
  readonly summary: { readonly dropped: number; readonly at: Position | null } | null;
};

/** A run that is accepted and waits for its turn. */
export type QueuedRun = {
  readonly runId: RunId;
  readonly acceptedAt: Position;
  readonly at: Timestamp;
  readonly chars: number;
  readonly limits: SendLimits | null;
  /** The run it joins, unless that ends before it can (S4). */
  readonly joins: RunId | null;
  readonly calledBy: CalledBy | null;
};

/** One message of the window, by the position of the event that holds its content. */
export type WindowEntry = {
  readonly at: Position;
  readonly chars: number;
  /** `input` begins a run, `answer` begins a turn; `result`, `steer` and `undone` belong to the turn before them; a `summary` stands for all that went before. */
  readonly kind: "input" | "answer" | "result" | "steer" | "undone" | "summary";
  /** Of a result: only its head is told. Of a summary: only of what was said before the run in which it was made. */
  readonly isShortened?: true;
  /** Of an input: where it was journaled what is told before it: how much time has passed, and what was recalled for its run. */
  readonly recalledAt?: Position;
  /** Of a summary: where the run was accepted in which it was made. */
  readonly madeIn?: Position;
};

export type SessionState = {
  readonly position: Position;
  /** Time of the last event; later events never have an earlier one. */
  readonly at: Timestamp;
  readonly agent: string;
  readonly digest: string;
  /** An operator wants nothing new to start. */
  readonly isPaused: boolean;
  /** Signals from outside that no call has taken yet, the oldest first. */
  readonly kept: readonly { readonly key: string; readonly at: Position }[];
  readonly queue: readonly QueuedRun[];
  readonly run: OpenRun | null;
  readonly lastRun: { readonly runId: RunId; readonly status: RunStatus } | null;
  /** When the last run ended that has part in the conversation: it had begun, and was not rolled back. Null where none has. */
  readonly endedAt: Timestamp | null;
  readonly window: readonly WindowEntry[];
  readonly windowChars: number;
  /** What the provider counted of the last prompt; null where none has yet. */
  readonly gauge: TokenGauge | null;
  /** Where the instructions in force were journaled; runs with the same ones refer to it. */
  readonly instructionsAt: Position | null;
  /** Where the digests of the definition's parts were journaled last. */
  readonly partsAt: Position | null;
  /** Holders lost in a row without one completed effect. */
  readonly takeovers: number;
  readonly runs: number;
  /** Approvals that were given for every call of a tool. */
  readonly allowances: readonly Allowance[];
};

export const EMPTY_STATE: SessionState = {
  position: 0,
  at: 0,
  agent: "",
  digest: "",
  isPaused: false,
  kept: [],
  queue: [],
  run: null,
  lastRun: null,
  endedAt: null,
  window: [],
  windowChars: 0,
  gauge: null,
  instructionsAt: null,
  partsAt: null,
  takeovers: 0,
  runs: 0,
  allowances: [],
};

/** The status that listings and people see. */
export const sessionStatus = (state: SessionState): RunStatus => {
  if (state.run !== null) return state.run.suspended === null ? "running" : "suspended";
  if (state.queue.length > 0) return "pending";
  return state.lastRun?.status ?? "pending";
};

/** Whether a holder has something under way; what was lost with its holder is not. */
export const isInFlight = ({ phase }: OpenRun): boolean => {
  if (phase.kind === "calling-model" || phase.kind === "summarising") return !phase.call.isLost;
  return phase.kind === "calling-tools" && phase.calls.some((call) => call.status.kind === "started");
};

/** An open call of the run, by its id. */
export const openCallOf = (run: OpenRun | null, callId: CallId): OpenCall | undefined =>
  run?.phase.kind === "calling-tools" ? run.phase.calls.find((call) => call.callId === callId) : undefined;

export const totalsOf = (run: OpenRun): RunTotals => ({
  turns: run.turn,
  toolCalls: run.toolCalls,
  retries: run.retries,
  spend: run.spend,
});

export const candidateOf = (run: OpenRun, index: number): ModelCandidate => {
  const found = run.settings.candidates[index];
  return found ?? { provider: "unknown", modelId: "unknown" };
};
