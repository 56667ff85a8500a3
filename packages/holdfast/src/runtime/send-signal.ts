import { ConflictError } from "../core/errors.ts";
import type { SessionId } from "../core/ids.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonObject } from "../core/json.ts";
import type { SessionState } from "../core/session-state.ts";
import { checkSignalKey } from "../ports/suspension.ts";
import { checkOptions, maybeName } from "../definitions/known-options.ts";

export type SignalOptions = {
  /** Accepted once in the life of the session. */
  readonly idempotencyKey?: string;
};

type NewSignal = {
  readonly kind: "signal";
  readonly dedupeKey: string | null;
  readonly runId: null;
  readonly body: JsonObject;
  readonly blobs: readonly [];
};

/** Signals that nobody takes stay in the session's state, which is not to grow without end. */
const MAX_KEPT = 1_000;

/** @throws ConfigurationError, ConflictError */
export const signalOf = (
  { key, value }: { readonly key: string; readonly value: unknown },
  options: SignalOptions,
  { sessionId, state }: { readonly sessionId: SessionId; readonly state: SessionState },
): NewSignal => {
  checkOptions(options, { owner: "signal", known: ["idempotencyKey"], later: [] });
  checkSignalKey(key);
  if (state.kept.length >= MAX_KEPT) {
    throw new ConflictError(
      "CALL_NOT_WAITING",
      `${MAX_KEPT} signals of this session are kept, and nothing takes them.`,
      {
        hint: "`holdfast sessions show` says what the session waits for.",
        details: { sessionId },
      },
    );
  }
  const idempotencyKey = maybeName("signal", "idempotencyKey", options.idempotencyKey);
  const dedupeKey = idempotencyKey === null ? null : `signal:${idempotencyKey}`;
  const body = { key, value: toJournalValue(value ?? null).value };
  return { kind: "signal", dedupeKey, runId: null, body, blobs: [] };
};

export const signalConflict = (sessionId: SessionId): ConflictError =>
  new ConflictError("IDEMPOTENCY_CONFLICT", "This idempotency key was already used with another signal.", {
    hint: "Use a new key for a new signal; the first one stands.",
    details: { sessionId },
  });
