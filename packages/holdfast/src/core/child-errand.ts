import type { CalledBy } from "./child-call.ts";
import type { CallId, Position, RunId, SessionId } from "./ids.ts";

/** Version of an errand as it is stored; one of another version is left to those who know it (S6). */
export const ERRAND_VERSION = 1;

type Errand<Fields> = { readonly v: typeof ERRAND_VERSION; readonly agent: string } & Readonly<Fields>;

/** What is to be done between a session and one that it called. No content: that is read from the journals. */
export type ChildErrand =
  /** Make the child's session, and hand in the call's input. */
  | Errand<{ kind: "begin"; parent: SessionId; runId: RunId; callId: CallId }>
  /** Nobody waits for the child any more: cancel what it does (E5), and undo it where its parent is undone (E10). */
  | Errand<{ kind: "stop"; parent: SessionId; callId: CallId; mode: "interrupt" | "rollback" }>
  /** Tell the parent what came of it. */
  | Errand<{ kind: "report"; child: SessionId; runId: RunId; position: Position; to: CalledBy }>;
