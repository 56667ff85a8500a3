import type { FinishReason } from "../../core/event.ts";
import type { FailureCode } from "../../core/failure.ts";
import type { ModelCallError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/json.ts";
import type { Message, ToolResult } from "../../core/message.ts";
import type { Usage } from "../../core/usage.ts";

/** One tool call a script makes. */
export type ScriptedToolCall = {
  readonly name: string;
  /** The arguments; a string stands for text that was not JSON. */
  readonly input?: JsonValue;
  /** The id the provider would give; made up when absent. */
  readonly id?: string;
};

/** A failure a script plays: an error of your own, or a code. */
export type ScriptedFailure =
  | ModelCallError
  | { readonly code: FailureCode; readonly message?: string; readonly retryAfterMs?: number };

/** What the model does in one call. Everything is optional: `{}` is an empty answer. */
export type ScriptedStep = {
  readonly reasoning?: string;
  readonly text?: string;
  readonly toolCalls?: readonly ScriptedToolCall[];
  /** `tool-calls` when the step has some, else `stop`. */
  readonly finish?: FinishReason;
  /** Counted from characters when absent; null for a provider that reports none. */
  readonly usage?: Partial<Usage> | null;
  /** Rejects with this; after `cutAfterChars` when both are given. */
  readonly fail?: ScriptedFailure;
  /** Streams this many characters, then rejects with MODEL_STREAM_CUT. */
  readonly cutAfterChars?: number;
  /** Never answers; ends only by `signal`. */
  readonly hang?: boolean;
  /** Pieces the text and the reasoning are streamed in; 1 when absent. */
  readonly deltas?: number;
  /** Waits before the first piece; needs a clock. */
  readonly firstTokenDelayMs?: number;
  /** Waits between pieces; needs a clock. */
  readonly gapMs?: number;
};

/** What a script sees of the conversation when it is asked for a step. */
export type ScriptedTurn = {
  /** Calls made to this model before this one, failed ones included. */
  readonly index: number;
  readonly system: string | null;
  readonly messages: readonly Message[];
  /** Results of the calls in the last answer; empty when a person spoke last. */
  readonly toolResults: readonly ToolResult[];
  /** Text of the last user message; empty when there is none. */
  readonly lastUserText: string;
  /** Names of the tools on offer. */
  readonly tools: readonly string[];
};

/** Steps played in order, one a call, or a function that computes the step from the conversation. */
export type Script = readonly ScriptedStep[] | ((turn: ScriptedTurn) => ScriptedStep);
