/**
 * What a process says about itself, a line at a time, through plain writes to a file outside its data
 * directory: the trace has these writes in one order with those of the store, so it is known which
 * acknowledgement came before which sync.
 */
import { writeSync } from "node:fs";

/** What a commit or a new session would store, said before the store is asked. */
export type Attempt = {
  readonly sessionId: string;
  /** Position before it; 0 for a new session. */
  readonly from: number;
  /** Hashes of its events, in order. */
  readonly hashes: readonly string[];
  readonly consume: readonly string[];
  readonly blobs: readonly string[];
  readonly status: string;
};

/** One signal handed to the store. */
export type PostedInput = {
  readonly sessionId: string;
  readonly kind: string;
  readonly key: string | null;
  readonly runId: string | null;
  readonly body: string;
  readonly blobs: readonly string[];
};

export type Line =
  | { readonly say: "try"; readonly id: string; readonly attempt: Attempt }
  /** Stored, and whoever asked was told; `isDurable` when that was to include the loss of power. */
  | { readonly say: "stored"; readonly id: string; readonly isDurable: boolean }
  | { readonly say: "post"; readonly id: string; readonly inputs: readonly PostedInput[] }
  | { readonly say: "posted"; readonly id: string; readonly signals: readonly (string | null)[] }
  | { readonly say: "erase"; readonly id: string; readonly sessionId: string; readonly upTo: number | null }
  | { readonly say: "erased"; readonly id: string }
  /** `send` came back to its caller. */
  | {
      readonly say: "accepted";
      readonly sessionId: string;
      readonly runId: string;
      readonly key: string;
      readonly says: string;
    }
  /** A tool was entered, or asked what came of a call. */
  | {
      readonly say: "effect";
      readonly kind: "entered" | "executed" | "returned" | "verified";
      readonly sessionId: string;
      readonly callId: string;
      readonly attempt: number;
      readonly effect: "read" | "idempotent" | "write";
      readonly idempotencyKey: string;
      readonly at: number;
    }
  | { readonly say: "end"; readonly how: string };

export type Say = (line: Line) => void;

/** Each line is one write; nothing is buffered. */
export const createSay =
  (descriptor: number): Say =>
  (line) =>
    void writeSync(descriptor, `${JSON.stringify(line)}\n`);

export const parseLines = (text: string): Line[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Line => JSON.parse(line));
