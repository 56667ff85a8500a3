import { createHash } from "node:crypto";

/** What a process was told and wrote down before it went on: nothing of it may be lost afterwards. */
export type Acknowledgement =
  | { readonly kind: "session"; readonly sessionId: string; readonly key: string }
  /** `says` is in the content of this input and of no other. */
  | {
      readonly kind: "input";
      readonly sessionId: string;
      readonly key: string;
      readonly runId: string;
      readonly says: string;
    }
  /** A durable event that a subscriber saw. */
  | {
      readonly kind: "event";
      readonly sessionId: string;
      readonly position: number;
      readonly fingerprint: string;
    }
  | {
      readonly kind: "outcome";
      readonly sessionId: string;
      readonly runId: string;
      readonly status: string;
    }
  /** An operator's answer about a call was accepted. */
  | {
      readonly kind: "resolution";
      readonly sessionId: string;
      readonly callId: string;
      readonly as: "completed" | "retry";
    };

/** The order of an object's members says nothing. */
const inOrder = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)))
    : value;

/** Everything a subscriber is shown of an event, as one short word. */
export const fingerprintOf = (event: {
  readonly position: number;
  readonly at: number;
  readonly header: object;
  readonly payload: object | null;
}): string =>
  createHash("sha256")
    .update(JSON.stringify([event.position, event.at, event.header, event.payload], inOrder))
    .digest("base64url");
