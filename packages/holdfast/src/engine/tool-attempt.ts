import type { Failure } from "../core/failure.ts";
import type { CallId, RunId, SessionId } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { OpenCall, OpenRun } from "../core/session-state.ts";
import type { ToolOutcome } from "../core/settle-tool-call.ts";
import type { ParsedInput, Tool } from "../ports/tool.ts";
import type { CallArtifacts } from "./call-artifacts.ts";
import type { EngineServices } from "./services.ts";
import type { SessionContent } from "./session-content.ts";

/** What a result is made to fit. */
export type OutputPlace = {
  readonly services: EngineServices;
  readonly sessionId: SessionId;
  readonly tool: Pick<Tool, "name" | "toOutput" | "maxOutputChars" | "undo">;
  readonly callId: CallId;
  /** The input it ran with, where that is not what the model proposed; null where it is. */
  readonly edited: JsonValue | null;
  /** The tool in whose place it is called, and why that failed. */
  readonly insteadOf: OpenCall["insteadOf"];
  /** What interceptors make of the result; null where none looks. */
  readonly intercept: ((output: ToolOutput) => Promise<ToolOutput>) | null;
  /** What was saved on the way to the result; absent where nothing could be. */
  readonly artifacts?: CallArtifacts;
  /** Whether the attempt had been given up on before its result came; false where it is absent. */
  readonly isLate?: boolean;
};

/** One attempt at a tool call, or at verifying one. */
export type ToolAttempt = OutputPlace & {
  readonly content: SessionContent;
  readonly run: OpenRun;
  readonly runId: RunId;
  readonly tool: Tool;
  readonly attempt: number;
  readonly artifacts: CallArtifacts;
  readonly idempotencyKey: string;
  /** What it is entered with, where that is not the input that the model gave. */
  readonly readInput: (() => Promise<ParsedInput>) | null;
  readonly timeoutMs: number;
  /** Asked in the very tick in which the tool is entered: why this holder may not act any more (E1, E5). */
  readonly refuseEntry: () => Failure | null;
  /** Given the result of an attempt that had been given up on. */
  readonly onLate: (outcome: Exclude<ToolOutcome, { kind: "suspended" }>) => void;
};
