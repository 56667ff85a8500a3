import type { FinishReason } from "../../core/event.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { Usage } from "../../core/usage.ts";

/** Why a server refuses, in no provider's words; each format has its own body for it. */
export type RefusalReason =
  | "bad-key"
  | "unknown-model"
  | "rate-limit"
  | "quota"
  | "context-overflow"
  | "content-policy"
  | "bad-request"
  | "server-error"
  | "unavailable"
  | "overloaded";

/** What goes wrong on the wire. */
export type WireFault =
  /** An HTTP error instead of an answer. */
  | {
      readonly kind: "refuse";
      readonly reason: RefusalReason;
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /**
   * The answer stops after so many bytes, or in the middle of a tool's arguments when no number is
   * given: by a clean end of the response, or by a closed connection.
   */
  | { readonly kind: "cut"; readonly atByte?: number; readonly how?: "end" | "close" }
  /** A chunk in the middle is not JSON. */
  | { readonly kind: "malformed-chunk" }
  /** The stream itself reports an error after so many frames (1 when absent). */
  | { readonly kind: "error-event"; readonly reason: RefusalReason; readonly afterFrames?: number }
  /** Nothing more comes after so many frames; no answer at all when absent. */
  | { readonly kind: "hang"; readonly afterFrames?: number };

export type WireToolCall = { readonly name: string; readonly input?: JsonValue; readonly id?: string };

/** What the server answers to one request; a `ScriptedStep` without `fail`, plus what can go wrong on a wire. */
export type WireStep = {
  readonly reasoning?: string;
  readonly text?: string;
  readonly toolCalls?: readonly WireToolCall[];
  readonly finish?: FinishReason;
  /** Small fixed counts when absent; null reports none. */
  readonly usage?: Partial<Usage> | null;
  /** Pieces that text, reasoning and arguments are streamed in; 2 when absent. */
  readonly deltas?: number;
  /** Waits before the first frame; needs a clock. */
  readonly firstTokenDelayMs?: number;
  /** Waits between frames; needs a clock. */
  readonly gapMs?: number;
  readonly fault?: WireFault;
};

/** The result of a tool call as the request carried it. */
export type WireToolResult = { readonly callId: string; readonly text: string };

/** What a script sees of a request. */
export type WireTurn = {
  /** Accepted requests before this one. */
  readonly index: number;
  readonly lastUserText: string;
  /** Results at the end of the conversation; empty when a person spoke last. */
  readonly toolResults: readonly WireToolResult[];
  readonly tools: readonly string[];
  readonly body: JsonObject;
};

/** Steps played in order, one an accepted request, or a function of the request. */
export type WireScript = readonly WireStep[] | ((turn: WireTurn) => WireStep);
