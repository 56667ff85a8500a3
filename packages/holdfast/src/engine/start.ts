import type { Reserved } from "../core/budget-terms.ts";
import type { Position } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import type { Charge } from "../core/usage.ts";

/** Something to set going once its start is durable. */
export type Start =
  | {
      readonly kind: "model" | "summary";
      readonly key: string;
      readonly startedAt: Position;
      readonly attempt: number;
      readonly candidate: number;
      readonly estimate: Charge;
      readonly reserved: Reserved | null;
    }
  | {
      readonly kind: "tool" | "verify";
      readonly key: string;
      readonly callId: string;
      readonly tool: string;
      readonly attempt: number;
      readonly idempotencyKey: string;
      /** The input, where it was edited when it was approved; null where it is as proposed. */
      readonly edited: JsonValue | null;
    };
