import type { EventHeader, EventType } from "./event.ts";
import {
  append,
  callId,
  callingTools,
  failing,
  header,
  policy,
  ready,
  type Journal,
} from "./journal-builder.fixture.ts";
import type { RunSettings } from "./run-settings.ts";
import type { StatePhase } from "./transitions.ts";
import type { UndoPolicy } from "./undo-terms.ts";

export const UNDO: UndoPolicy = {
  effect: "write",
  timeoutMs: 30_000,
  retry: { maxAttempts: 3, initialDelayMs: 250, maxDelayMs: 30_000 },
  canVerify: false,
};

const UNDO_ID = `undo_${callId()}`;
const WHY = { code: "MODEL_UNAVAILABLE", causeAt: 8 } as const;
const CANCELLED = { code: "RUN_CANCELLED", causeAt: null } as const;
const rollback = header("run.cancel-requested", { mode: "rollback" });

/** A write that can be undone took place; the next turn is owed. */
export const written = (more?: Partial<RunSettings>): Journal =>
  append(
    callingTools([policy("write", { undo: UNDO })], more),
    header("tool-call.started"),
    header("tool-call.completed"),
  );

const asked = (more?: Partial<RunSettings>): Journal =>
  append(written(more), header("model-call.started", { turn: 2 }));

/** And then the run failed. */
export const failed = (more?: Partial<RunSettings>): Journal =>
  append(asked(more), header("model-call.failed", { startedAt: 8 }));

/** Its undoing has begun. */
export const undoing = (): Journal => append(failed(), header("run.undoing", WHY));

const answered = (): Journal => append(asked(), header("model-call.completed", { startedAt: 8 }));

/** A write that can be undone is under way, in a run that is to be rolled back. */
const underWay = (): Journal =>
  append(
    callingTools([policy("write", { undo: UNDO, canVerify: true })]),
    header("tool-call.started"),
    rollback,
  );

const verify = { next: { kind: "verify", notBefore: 0, tries: 0 } } as const;

/** What came of it is being found out. */
const foundOut = (): Journal => append(underWay(), header("tool-call.unknown", verify));

type Example = readonly [Journal, EventHeader];
type Examples = { readonly folds: readonly Example[]; readonly refused: readonly Example[] };

const beginsUndoing: Partial<Record<StatePhase, Examples>> = {
  ready: {
    folds: [
      [written(), header("run.undoing")],
      [append(written(), header("run.expired")), header("run.undoing", { code: "RUN_TIMEOUT" })],
      [append(written(), rollback), header("run.undoing", CANCELLED)],
    ],
    refused: [
      [ready(), header("run.undoing")],
      [written({ whenFailed: "keep" }), header("run.undoing")],
      [append(written(), header("run.cancel-requested")), header("run.undoing", CANCELLED)],
      [append(written(), rollback), header("run.undoing")],
      [written(), header("run.undoing", CANCELLED)],
      [written(), header("run.undoing", { runId: "run-other" })],
      [append(written(), header("run.suspended")), header("run.undoing")],
    ],
  },
  "calling-tools": {
    folds: [[foundOut(), header("run.undoing", CANCELLED)]],
    refused: [
      [underWay(), header("run.undoing", CANCELLED)],
      [append(foundOut(), header("run.undoing", CANCELLED)), header("run.undoing", CANCELLED)],
      [callingTools([policy("write", { undo: UNDO })]), header("run.undoing")],
    ],
  },
  answered: {
    folds: [[append(answered(), rollback), header("run.undoing", CANCELLED)]],
    refused: [[append(answered(), header("run.cancel-requested")), header("run.undoing", CANCELLED)]],
  },
  failing: {
    folds: [[failed(), header("run.undoing", WHY)]],
    refused: [
      [failing(), header("run.undoing", WHY)],
      [undoing(), header("run.undoing", WHY)],
    ],
  },
};

const requested = (): Journal => append(undoing(), header("undo.requested"));

const begun = (): Journal => append(requested(), header("tool-call.started", { callId: UNDO_ID }));

/** The call is undone. */
export const undone = (): Journal => append(begun(), header("tool-call.completed", { callId: UNDO_ID }));

const other = { runId: "run-other" };

/** What may follow in a run of which something is to be undone, in each state where it may. */
export const undoExamples = (phase: StatePhase, type: EventType): Examples | undefined => {
  if (type === "run.undoing") return beginsUndoing[phase];
  if (phase === "failing" && type === "undo.requested")
    return {
      folds: [[undoing(), header("undo.requested")]],
      refused: [
        [failed(), header("undo.requested")],
        [undone(), header("undo.requested")],
        [undoing(), header("undo.requested", { undoes: callId(1), undoId: `undo_${callId(1)}` })],
        [undoing(), header("undo.requested", { undoId: "undo_again" })],
        [undoing(), header("undo.requested", other)],
      ],
    };
  if (phase === "failing" && type === "run.failed")
    return {
      folds: [
        [undone(), header("run.failed", WHY)],
        [failed({ whenFailed: "keep" }), header("run.failed", WHY)],
      ],
      refused: [
        [failed(), header("run.failed", WHY)],
        [undoing(), header("run.failed", WHY)],
        [undone(), header("run.failed", { code: "RUN_TIMEOUT" })],
        [append(undone(), rollback), header("run.failed", WHY)],
      ],
    };
  if (phase === "failing" && (type === "run.rolled-back" || type === "run.cancelled"))
    return {
      folds:
        type === "run.rolled-back"
          ? [[append(undone(), rollback), header(type)]]
          : [[append(undone(), rollback, header("run.rolled-back")), header(type)]],
      refused: [
        [undone(), header(type)],
        [append(undoing(), rollback), header(type)],
        [append(undoing(), rollback, header("undo.requested")), header("undo.requested")],
      ],
    };
  return ofUndoing(phase, type);
};

/** The same of what is being undone at the moment. */
const ofUndoing = (phase: StatePhase, type: EventType): Examples | undefined => {
  if (type === "run.cancel-requested" && (phase === "failing" || phase === "calling-tools")) {
    const journal = phase === "failing" ? undoing() : begun();
    return {
      folds: [[journal, rollback]],
      refused: [
        [journal, header("run.cancel-requested")],
        [append(journal, rollback), rollback],
      ],
    };
  }
  if (type === "run.expired" && (phase === "failing" || phase === "calling-tools"))
    return { folds: [], refused: [[phase === "failing" ? undoing() : begun(), header("run.expired")]] };
  if (phase === "calling-tools" && type === "approval.requested")
    return { folds: [], refused: [[requested(), header("approval.requested", { callId: UNDO_ID })]] };
  if (phase === "calling-tools" && type === "tool-call.started")
    return {
      folds: [[requested(), header("tool-call.started", { callId: UNDO_ID })]],
      refused: [
        [requested(), header("tool-call.started")],
        [append(requested(), header("session.paused")), header("tool-call.started", { callId: UNDO_ID })],
      ],
    };
  return undefined;
};
