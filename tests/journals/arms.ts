import type { AfterRefusal } from "../../packages/holdfast/src/core/budget-terms.ts";
import type {
  AfterFailure,
  AfterToolFailure,
  AfterUnknown,
  EventHeader,
  FinishReason,
  HeaderOf,
  OutputCheck,
} from "../../packages/holdfast/src/core/event.ts";
import type { NotUndoneCall, UndoReport } from "../../packages/holdfast/src/core/undo-terms.ts";
import { EVENT_TYPES, type JournalEvent, type RunStatus, type Wait } from "holdfast/core";

/**
 * Every arm of every event: the type alone is not enough, for a failed call that is tried again folds in
 * another way than one that is given up. The tables do not compile until a new arm is in them.
 */
type Table<Name extends string> = Readonly<Record<Name, true>>;

const namesOf = (table: Readonly<Record<string, true>>): readonly string[] => Object.keys(table);

const TRIED_AGAIN: Table<Extract<AfterFailure["kind"], "retry" | "give-up">> = {
  retry: true,
  "give-up": true,
};
const TOOL_FAILED: Table<AfterToolFailure["kind"]> = {
  ...TRIED_AGAIN,
  "other-tool": true,
  "last-good": true,
};
const MODEL_FAILED: Table<AfterFailure["kind"]> = { ...TRIED_AGAIN, fallback: true, compact: true };
const UNKNOWN: Table<AfterUnknown["kind"]> = { verify: true, ask: true, "give-up": true };
const FINISHED: Table<FinishReason> = {
  stop: true,
  "tool-calls": true,
  length: true,
  "content-filter": true,
  other: true,
};
const CHECKED: Table<OutputCheck> = { none: true, valid: true, invalid: true };
const RESOLVED: Table<HeaderOf<"tool-call.resolved">["as"]> = { completed: true, failed: true, retry: true };
const VERIFIED: Table<HeaderOf<"tool-call.verified">["status"]> = { "not-done": true, unknown: true };
const COMPLETED: Table<HeaderOf<"tool-call.completed">["by"]> = {
  execution: true,
  verification: true,
  caller: true,
  agent: true,
  "hand-off": true,
  "last-good": true,
  interceptor: true,
};
const LATE: Table<HeaderOf<"tool-call.late">["status"]> = { completed: true, failed: true };
const RESUMED: Table<HeaderOf<"run.resumed">["by"]> = {
  time: true,
  signal: true,
  operator: true,
  definition: true,
};
const ENTERED_AGAIN: Table<HeaderOf<"tool-call.resumed">["by"]> = { time: true, signal: true, timeout: true };
const WAITS: Table<Wait["kind"]> = {
  retry: true,
  verification: true,
  resolution: true,
  approval: true,
  result: true,
  definition: true,
  operator: true,
  budget: true,
  "budget-period": true,
  time: true,
  signal: true,
  child: true,
};
const NOT_UNDONE: Table<NotUndoneCall["reason"]> = {
  "no-undo": true,
  "outcome-unknown": true,
  failed: true,
  "undo-unknown": true,
};
const AFTER_REFUSAL: Table<AfterRefusal["kind"]> = {
  stop: true,
  degrade: true,
  "hand-off": true,
  wait: true,
  ask: true,
};
const WHY_OPERATOR: Table<Extract<Wait, { kind: "operator" }>["reason"]> = {
  poisoned: true,
  restored: true,
  paused: true,
  upgrade: true,
};

const arms = (name: string, table: Readonly<Record<string, true>>): readonly string[] =>
  namesOf(table).map((arm) => `${name}: ${arm}`);

/** Everything that the recordings of one version must hold between them. */
export const ALL_ARMS: readonly string[] = [
  ...EVENT_TYPES,
  ...arms("model-call.failed, then", MODEL_FAILED),
  ...arms("tool-call.failed, then", TOOL_FAILED),
  ...arms("tool-call.unknown, then", UNKNOWN),
  ...arms("model-call.completed, finish", FINISHED),
  ...arms("model-call.completed, output", CHECKED),
  ...arms("tool-call.resolved as", RESOLVED),
  ...arms("tool-call.verified", VERIFIED),
  ...arms("tool-call.completed by", COMPLETED),
  ...arms("tool-call.late", LATE),
  ...arms("run.resumed by", RESUMED),
  ...arms("tool-call.resumed by", ENTERED_AGAIN),
  ...arms("run.suspended for", WAITS),
  ...arms("run.suspended, operator", WHY_OPERATOR),
  ...arms("not undone", NOT_UNDONE),
  ...arms("budget.refused, then", AFTER_REFUSAL),
  "a run that ended with calls undone",
  "a lost model call, made again",
  "a lost model call, given up",
  "a call with no such tool",
  "a call that was refused unstarted",
  "a result that was coerced",
  "an answer of unknown price",
  "an answer charged by estimate",
  "instructions said before",
  "a run with a trace",
  "a run that ended in the queue",
  "a run that ended with unknown calls",
  "a run whose failure has a cause elsewhere",
  "content that was erased",
  "content by its digest",
  "an input with prompt attributes",
  "a run that was told what is known",
  "a run that was told that time has passed",
  "part of the window dropped",
  "results shortened",
  "what was dropped summed up",
  "a summary by a model told",
  "a summary not made for want of money",
  "a lost summary",
];

/** Statuses that a recorded session must end in, between all recordings. */
const STATUSES: Table<RunStatus> = {
  pending: true,
  running: true,
  suspended: true,
  completed: true,
  failed: true,
  cancelled: true,
};
export const ALL_STATUSES: readonly string[] = namesOf(STATUSES);

/** The arms that these events show. */
export const armsIn = (events: readonly JournalEvent[]): ReadonlySet<string> =>
  new Set(
    events.flatMap((event) => [event.header.type, ...armsOf(event.header, events), ...armsOfContent(event)]),
  );

const when = (holds: boolean, arm: string): readonly string[] => (holds ? [arm] : []);

const armsOf = (header: EventHeader, events: readonly JournalEvent[]): readonly string[] => {
  switch (header.type) {
    case "run.started":
      return [
        ...when(header.instructionsAt !== null, "instructions said before"),
        ...when(header.trace !== null, "a run with a trace"),
        ...when(header.onUpgrade !== "migrate", `a run that may ${header.onUpgrade}`),
        ...when(header.version !== null, "a run of a version"),
      ];
    case "run.suspended":
      return header.waitingFor.flatMap((wait) => [
        `run.suspended for: ${wait.kind}`,
        ...(wait.kind === "operator" ? [`run.suspended, operator: ${wait.reason}`] : []),
      ]);
    case "tool-call.resumed":
      return [`tool-call.resumed by: ${header.by}`];
    case "run.resumed":
      return [`run.resumed by: ${header.by}`];
    case "run.failed":
      return [
        ...armsOfUndo(header.undo),
        ...when(header.causeAt !== null, "a run whose failure has a cause elsewhere"),
        ...when(!wasStarted(header.runId, events), "a run that ended in the queue"),
      ];
    case "run.cancelled":
      return [
        ...armsOfUndo(header.undo),
        ...when(header.unknown.length > 0, "a run that ended with unknown calls"),
        ...when(!wasStarted(header.runId, events), "a run that ended in the queue"),
      ];
    case "budget.refused":
      return [`budget.refused, then: ${header.next.kind}`];
    case "summary-call.failed":
      return [
        ...when(header.startedAt === null, "a summary not made for want of money"),
        ...when(header.code === "MODEL_CALL_LOST", "a lost summary"),
      ];
    case "summary-call.completed":
      return when(
        events.some(({ header: { type }, payload }) => type === "context.compacted" && isByModel(payload)),
        "a summary by a model told",
      );
    case "context.compacted":
      return [
        ...when(header.dropped > 0, "part of the window dropped"),
        ...when(header.shortened !== null, "results shortened"),
        ...when(header.summaryChars > 0, "what was dropped summed up"),
      ];
    default:
      return armsOfCall(header);
  }
};

const isByModel = (payload: JournalEvent["payload"]): boolean =>
  JSON.stringify(payload?.["summary"] ?? "").includes("\\n> ");

const armsOfUndo = (report: UndoReport | null): readonly string[] => [
  ...when((report?.undone ?? []).length > 0, "a run that ended with calls undone"),
  ...(report?.notUndone ?? []).map(({ reason }) => `not undone: ${reason}`),
];

const wasStarted = (runId: string, events: readonly JournalEvent[]): boolean =>
  events.some(({ header }) => header.type === "run.started" && header.runId === runId);

const armsOfCall = (header: EventHeader): readonly string[] => {
  switch (header.type) {
    case "model-call.completed":
      return [
        `model-call.completed, finish: ${header.finish}`,
        `model-call.completed, output: ${header.output}`,
        ...when(
          header.calls.some((call) => call.tool === null),
          "a call with no such tool",
        ),
        ...when(header.charge.costUsd === null, "an answer of unknown price"),
        ...when(header.charge.isEstimate, "an answer charged by estimate"),
      ];
    case "model-call.failed":
      return [
        `model-call.failed, then: ${header.next.kind}`,
        ...when(isLost(header) && header.next.kind === "retry", "a lost model call, made again"),
        ...when(isLost(header) && header.next.kind === "give-up", "a lost model call, given up"),
      ];
    case "tool-call.completed":
      return [`tool-call.completed by: ${header.by}`, ...when(header.isCoerced, "a result that was coerced")];
    case "tool-call.failed":
      return [
        `tool-call.failed, then: ${header.next.kind}`,
        ...when(header.attempt === 0, "a call that was refused unstarted"),
      ];
    case "tool-call.unknown":
      return [`tool-call.unknown, then: ${header.next.kind}`];
    case "tool-call.verified":
      return [`tool-call.verified: ${header.status}`];
    case "tool-call.resolved":
      return [`tool-call.resolved as: ${header.as}`];
    case "tool-call.late":
      return [`tool-call.late: ${header.status}`];
    default:
      return [];
  }
};

const isLost = ({ code }: HeaderOf<"model-call.failed">): boolean => code === "MODEL_CALL_LOST";

const armsOfContent = ({ content, payload }: JournalEvent): readonly string[] => [
  ...when(content !== null && payload === null, "content that was erased"),
  ...when(JSON.stringify(payload).includes('"kind":"blob"'), "content by its digest"),
  ...when(payload?.["promptAttributes"] !== undefined, "an input with prompt attributes"),
  ...when(payload?.["recalled"] !== undefined, "a run that was told what is known"),
  ...when(payload?.["elapsed"] !== undefined, "a run that was told that time has passed"),
];
