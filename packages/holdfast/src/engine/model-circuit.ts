import type { CircuitOutcome, CircuitPolicy } from "../core/circuit.ts";
import { ModelCallError } from "../core/errors.ts";
import type { Failure, FailureCode } from "../core/failure.ts";
import { candidateOf } from "../core/session-state.ts";
import type { CircuitUse } from "./circuits.ts";
import type { ModelCall } from "./model-call.ts";

/** Failures that tell of the provider, not of what it was asked. */
const AWAY: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "MODEL_UNAVAILABLE",
  "MODEL_RATE_LIMITED",
  "MODEL_FIRST_TOKEN_TIMEOUT",
  "MODEL_GAP_TIMEOUT",
  "MODEL_TIMEOUT",
  "MODEL_STREAM_CUT",
  "MODEL_RESPONSE_INVALID",
]);

/** Ends that come from here. */
const OURS: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "MODEL_CALL_CANCELLED",
  "MODEL_CALL_LOST",
  "RUN_TIMEOUT",
]);

/**
 * Does not let a call through to a model that keeps failing in whatever session (E7): the next model is asked at once,
 * and where there is none the call waits.
 *
 * @throws ModelCallError
 */
export const admitModel = (call: ModelCall): void => {
  const use = circuitOf(call);
  if (use === null) return;
  const { clock, circuits, timeouts } = call.services;
  const admission = circuits.ask(use, { call: nameOf(call), limitMs: timeouts.totalMs });
  if (admission.isAdmitted) return;
  const leftMs = admission.retryAt - clock.now();
  // Its attempts are few: none is spent while it is known to be held back all the same.
  const waitMs = admission.isTried ? Math.min(leftMs, use.policy.openMs) : leftMs;
  const hasNext = call.candidate + 1 < call.run.settings.candidates.length;
  // guard E7: where there is another model that one is asked, and nobody waits
  throw new ModelCallError(
    "MODEL_UNAVAILABLE",
    `${use.name} was not called: its last calls failed (${admission.code}).`,
    {
      retryable: !hasNext,
      retryAfterMs: Math.max(0, waitMs),
      details: { circuit: use.name, retryAt: admission.retryAt },
    },
  );
};

/** What became of a call is also said of its model; `failed` is null for an answer. */
export const settleModel = (call: ModelCall, failed: Failure | null): void => {
  const use = circuitOf(call);
  if (use !== null) call.services.circuits.settle(use, nameOf(call), outcomeOf(failed));
};

const outcomeOf = (failed: Failure | null): CircuitOutcome => {
  if (failed === null || (!AWAY.has(failed.code) && !OURS.has(failed.code))) return { kind: "ok" };
  return OURS.has(failed.code) ? { kind: "neither" } : { kind: "failed", code: failed.code };
};

const circuitOf = ({ run, candidate, services }: ModelCall): CircuitUse | null => {
  const policy: CircuitPolicy | null = services.modelCircuit;
  if (policy === null) return null;
  const { provider, modelId } = candidateOf(run, candidate);
  return { name: `model ${provider}/${modelId}`, policy };
};

const nameOf = ({ sessionId, startedAt, attempt }: ModelCall): string =>
  `${sessionId}:${startedAt}:${attempt}`;
