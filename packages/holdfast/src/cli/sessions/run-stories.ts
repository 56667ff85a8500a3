import type { NotUndoneCall, Session, SessionEvent, UndoneCall } from "../../runtime/index.ts";
import { CallNames, type NamedCall } from "../printing/call-names.ts";
import { inputText } from "../printing/describe-event.ts";

/** One run of a session, as far as its journal tells. */
export type RunStory = {
  readonly runId: string;
  readonly input: string | null;
  readonly status: "pending" | "running" | "suspended" | "completed" | "failed" | "cancelled";
  readonly acceptedAt: number;
  readonly code: string | null;
  /** Calls given up without knowing whether they took effect. */
  readonly unknownCalls: readonly string[];
  /** Calls that were undone when it ended, and those that were not. */
  readonly undone: readonly UndoneCall[];
  readonly notUndone: readonly NotUndoneCall[];
};

export type SessionStory = {
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly tenant: string | null;
  readonly user: string | null;
  readonly runs: readonly RunStory[];
  /** What each call of the session was asked to do. */
  readonly findCall: (callId: string) => NamedCall;
};

type Durable = Extract<SessionEvent, { kind: "event" }>;

/** Reads a session's journal once and tells its runs. */
export const readStory = async (session: Session<unknown>): Promise<SessionStory> => {
  const names = new CallNames();
  const runs = new Map<string, RunStory>();
  const seen = { createdAt: 0, updatedAt: 0, tenant: null as string | null, user: null as string | null };
  for await (const event of session.history()) {
    if (event.kind !== "event") continue;
    names.see(event);
    seen.updatedAt = event.at;
    if (event.type === "session.created") {
      seen.createdAt = event.at;
      seen.tenant = textOr(event.payload?.["tenant"], null);
      seen.user = textOr(event.payload?.["user"], null);
    }
    // What joined another run is told of with that.
    if (event.type === "run.steered") runs.delete(event.header.steerId);
    const told = tell(event, runs);
    if (told !== null) runs.set(told.runId, told);
  }
  return { ...seen, runs: [...runs.values()], findCall: (callId) => names.find(callId) };
};

const textOr = (value: unknown, other: null): string | null => (typeof value === "string" ? value : other);

const STATUS_AFTER = {
  "run.started": "running",
  "run.suspended": "suspended",
  "run.resumed": "running",
  "run.completed": "completed",
  "run.failed": "failed",
  "run.cancelled": "cancelled",
} as const;

const tell = (event: Durable, runs: ReadonlyMap<string, RunStory>): RunStory | null => {
  if (event.type === "run.accepted") {
    const input = event.payload === null ? null : inputText(event.payload);
    return {
      runId: event.header.runId,
      input,
      status: "pending",
      acceptedAt: event.at,
      code: null,
      unknownCalls: [],
      undone: [],
      notUndone: [],
    };
  }
  const run = runs.get(event.runId ?? "");
  if (run === undefined || !(event.type in STATUS_AFTER)) return null;
  const status = STATUS_AFTER[event.type as keyof typeof STATUS_AFTER];
  return {
    ...run,
    status,
    code: event.type === "run.failed" ? event.header.code : null,
    unknownCalls: event.type === "run.cancelled" ? event.header.unknown : [],
    ...(event.type === "run.failed" || event.type === "run.cancelled" ? event.header.undo : null),
  };
};
