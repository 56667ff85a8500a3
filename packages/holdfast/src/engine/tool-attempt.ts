import type { Failure } from "../core/failure.ts";
import type { CallId, RunId, SessionId } from "../core/ids.ts";
import type { OpenRun } from "../core/session-state.ts";
import type { ToolOutcome } from "../core/settle-tool-call.ts";
import type { Tool } from "../ports/tool.ts";
import type { EngineServices } from "./services.ts";
import type { SessionContent } from "./session-content.ts";

/** One attempt at a tool call, or at verifying one. */
export type ToolAttempt = {
  readonly services: EngineServices;
  readonly sessionId: SessionId;
  readonly content: SessionContent;
  readonly run: OpenRun;
  readonly runId: RunId;
  readonly tool: Tool;
  readonly callId: CallId;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly timeoutMs: number;
  /** Asked in the very tick in which the tool is entered: why this holder may not act any more (E1, E5). */
  readonly refuseEntry: () => Failure | null;
  /** Given the result of an attempt that had been given up on. */
  readonly onLate: (outcome: ToolOutcome) => void;
};
