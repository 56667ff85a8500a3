import type { EventHeader, EventType, HeaderOf, JournalEvent } from "../../../core/event.ts";
import type { CallId, RunId, SessionId } from "../../../core/ids.ts";
import type { ToolPolicy } from "../../../core/run-settings.ts";
import type { Acknowledged, EffectEntry, History, ModelEntry } from "./history.ts";
import type { Rule, Violation } from "./rules.ts";

/** One session's part of a history, its events opened. */
export type SessionHistory = {
  readonly sessionId: SessionId;
  readonly events: readonly JournalEvent[];
  readonly effects: readonly EffectEntry[];
  readonly acknowledged: readonly Acknowledged[];
  readonly models: readonly ModelEntry[];
  readonly whole: History;
};

/** An event with its header narrowed to one type. */
export type EventOf<Type extends EventType> = JournalEvent & { readonly header: HeaderOf<Type> };

export const eventsOf = <Type extends EventType>(
  events: readonly JournalEvent[],
  type: Type,
): readonly EventOf<Type>[] => events.filter((event): event is EventOf<Type> => event.header.type === type);

export const runOf = (header: EventHeader): RunId | null => ("runId" in header ? header.runId : null);

const callOf = (header: EventHeader): CallId | null => ("callId" in header ? header.callId : null);

const RUN_ENDS: ReadonlySet<EventType> = new Set(["run.completed", "run.failed", "run.cancelled"]);

export const isRunEnd = (header: EventHeader): boolean => RUN_ENDS.has(header.type);

/** Whether the event gives its call the one result it will ever have (E3). */
export const isClosing = (header: EventHeader): boolean => {
  switch (header.type) {
    case "tool-call.completed":
      return true;
    case "tool-call.failed":
      return header.next.kind !== "retry";
    case "tool-call.unknown":
      return header.next.kind === "give-up";
    case "tool-call.resolved":
      return header.as !== "retry";
    default:
      return false;
  }
};

/** A tool call as its journal tells it. */
export type CallStory = {
  readonly callId: CallId;
  readonly runId: RunId;
  readonly policy: ToolPolicy;
  readonly askedAt: number;
  /** Every event about this call, in order; late ones are kept apart by `isClosing`. */
  readonly events: readonly JournalEvent[];
};

export const callsOf = (events: readonly JournalEvent[]): ReadonlyMap<CallId, CallStory> => {
  const calls = new Map<CallId, CallStory & { readonly events: JournalEvent[] }>();
  for (const event of events) {
    const { header, position } = event;
    if (header.type === "model-call.completed") {
      for (const { callId, policy } of header.calls)
        calls.set(callId, { callId, runId: header.runId, policy, askedAt: position, events: [] });
    }
    if (header.type === "undo.requested") {
      const undo = calls.get(header.undoes)?.policy.undo ?? null;
      const { undoId: callId, runId } = header;
      if (undo !== null) {
        const policy = { ...undo, by: "runtime", undo: null } as const;
        calls.set(callId, { callId, runId, policy, askedAt: position, events: [] });
      }
    }
    const callId = callOf(header);
    if (callId !== null) calls.get(callId)?.events.push(event);
  }
  return calls;
};

/** Makes findings about one session. */
export const finder =
  (sessionId: SessionId, promise: string) =>
  (rule: Rule, position: number | null, what: string): Violation => ({
    rule,
    promise,
    sessionId,
    position,
    what,
  });
