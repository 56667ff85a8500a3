import type { Reserved } from "./budget-terms.ts";
import type { FailureCode } from "./failure.ts";
import type { Position, RunId, Timestamp } from "./ids.ts";
import type { Charge } from "./usage.ts";

type Header<Type extends string, Fields> = { readonly type: Type } & Readonly<Fields>;

/** A model sums up what is about to leave the window: no part of the conversation, but charged like any call. */
export type SummaryHeader =
  | Header<
      "summary-call.started",
      {
        runId: RunId;
        /** So many of the oldest entries of the window are summed up. */
        dropped: number;
        provider: string;
        modelId: string;
        /** No summary is used after this. */
        notAfter: Timestamp;
        estimate: Charge;
        reserved: Reserved | null;
      }
    >
  | Header<
      "summary-call.completed",
      { runId: RunId; startedAt: Position; charge: Charge; durationMs: number; chars: number }
    >
  /** There is no such summary: the window is made shorter with one of the conversation's own words. */
  | Header<
      "summary-call.failed",
      {
        runId: RunId;
        /** Null where it was not even made, for want of money. */
        startedAt: Position | null;
        code: FailureCode;
        charge: Charge;
        durationMs: number;
      }
    >;
