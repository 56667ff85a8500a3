import type { EventType, HeaderOf } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import type { StreamItem } from "../engine/event-stream.ts";

/** A durable event as subscribers see it: `position` is the cursor. */
export type DurableEvent<Type extends EventType = EventType> = {
  readonly [Each in Type]: {
    readonly kind: "event";
    readonly type: Each;
    readonly position: number;
    /** Milliseconds since the Unix epoch. */
    readonly at: number;
    readonly runId: string | null;
    /** What the runtime needs: ids, statuses, counts, usage. */
    readonly header: HeaderOf<Each>;
    /** What was said: null where there was nothing, and where it was erased. */
    readonly payload: JsonObject | null;
  };
}[Type];

/** What a subscriber gets: durable events, each once and in order, and fleeting pieces between them. */
export type SessionEvent =
  | DurableEvent
  | {
      readonly kind: "delta";
      readonly type: "text" | "reasoning" | "tool-input";
      readonly runId: string;
      /** The model call this is a piece of; `model-call.failed` with the same `startedAt` voids it. */
      readonly startedAt: number;
      readonly attempt: number;
      readonly offset: number;
      readonly text: string;
    }
  | {
      readonly kind: "progress";
      readonly type: "progress";
      readonly runId: string;
      readonly callId: string;
      readonly message: string;
    };

export const toSessionEvent = (item: Exclude<StreamItem, { kind: "caught-up" }>): SessionEvent => {
  switch (item.kind) {
    case "delta":
      return { kind: "delta", ...item.delta };
    case "progress":
      return { kind: "progress", type: "progress", ...item.progress };
    case "event": {
      const { header, position, at, payload } = item.event;
      const runId = "runId" in header ? header.runId : null;
      return { kind: "event", type: header.type, position, at, runId, header, payload } as SessionEvent;
    }
  }
};
