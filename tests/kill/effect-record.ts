import { readFileSync } from "node:fs";
import type { ToolEffect } from "holdfast";

/** One try at a call, as a tool tells the service of it. */
export type EffectRequest = {
  readonly sessionId: string;
  readonly callId: string;
  readonly attempt: number;
  readonly effect: ToolEffect;
  readonly idempotencyKey: string;
  /** When the tool's code was entered, by the clock of the machine. */
  readonly enteredAt: number;
};

/**
 * A line of the service's log. `arrived`: it was asked. `executed`: it did it. `repeated`: it had done it
 * under this key and gave the same answer. `refused`: it did nothing. `asked`: somebody asked whether it had.
 */
export type EffectRecord = EffectRequest & {
  readonly what: "arrived" | "executed" | "repeated" | "refused" | "asked";
  readonly at: number;
  /** The number of what was done; a result that carries it was really given. */
  readonly receipt: string | null;
};

/** What the service knows of a key. */
export type EffectState = { readonly receipt: string | null; readonly isUnderWay: boolean };

/** Whole lines of a file of JSON; a line that was cut off by a death was never finished, and counts for nothing. */
export const readLines = <Line>(path: string): readonly Line[] => {
  const text = readFileSync(path, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
};
