import { charsIn } from "../core/chars.ts";
import { elapsedBeforeRun, elapsedText } from "../core/elapsed.ts";
import { HoldfastError } from "../core/errors.ts";
import { toFailure, type Failure } from "../core/failure.ts";
import type { RunId, Timestamp } from "../core/ids.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { OpenRun } from "../core/session-state.ts";
import { NO_SPEND } from "../core/usage.ts";
import type { Agent, InstructionsContext } from "../ports/agent.ts";
import type { Clock } from "../ports/clock.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { isoTime } from "./iso-time.ts";
import { limited } from "./limited.ts";
import { instructionsIn } from "./session-content.ts";
import { NOTHING_RECALLED, recallAtStart } from "./recall.ts";
import { budgetedSettings, isBudgeted, settingsOf } from "./run-budget.ts";

type Start = { readonly runId: RunId; readonly at: Timestamp };

/** Evaluates what the definition computes once a run, and journals it; a definition that cannot fails its run. */
export const startRun = async (session: ActiveSession, batch: Batch, { runId, at }: Start): Promise<void> => {
  const { agent, content, services } = session;
  const context = { session: await content.context(), runId, now: new Date(at) };
  const [evaluated, told] = await Promise.all([
    evaluateInstructions(agent, context, services.clock),
    toldBefore(session, batch, at),
  ]);
  if (!evaluated.ok) {
    addFailure(batch, runId, services.redactor.failure(evaluated.failure));
    return;
  }
  const settings = isBudgeted(session, batch)
    ? await budgetedSettings(session, batch, evaluated.text)
    : settingsOf(session, batch);
  if ("code" in settings) {
    addFailure(batch, runId, settings);
    return;
  }
  const { instructionsAt } = batch.state;
  const text = services.redactor.text(evaluated.text);
  // A run may have begun and ended in this very commit, and be in no store yet.
  const before = batch.events.find(({ position }) => position === instructionsAt);
  const isSame =
    instructionsAt !== null &&
    (before === undefined ? await content.instructions(instructionsAt) : instructionsIn(before)) === text;
  batch.add({
    header: {
      type: "run.started",
      runId,
      digest: agent.digest,
      version: agent.version,
      onUpgrade: agent.onUpgrade,
      // Said once for all runs of a session that have the same definition.
      parts: batch.state.partsAt !== null && batch.state.digest === agent.digest ? null : agent.parts,
      settings,
      trace: session.spans.beginRun(runId, at),
      instructionsAt: isSame ? instructionsAt : null,
      recalledChars: told.chars,
    },
    payload:
      isSame && told.payload === null ? null : { ...(isSame ? {} : { instructions: text }), ...told.payload },
  });
};

/** What the model is told before the input, journaled with the beginning of its run; null for nothing. */
type ToldBefore = { readonly chars: number; readonly payload: JsonObject | null };

const toldBefore = async (session: ActiveSession, batch: Batch, at: Timestamp): Promise<ToldBefore> => {
  const { agent, services } = session;
  const passed = elapsedBeforeRun(batch.state);
  const isRecalling = agent.recall !== null && services.memory !== null;
  const recalled = isRecalling ? await recallAtStart(session, batch, at) : NOTHING_RECALLED;
  if (passed === null) return isRecalling ? recalled : { chars: 0, payload: null };
  const elapsed = { from: isoTime(passed.from), to: isoTime(passed.to), days: passed.days };
  return {
    chars: charsIn(elapsedText(elapsed)) + recalled.chars,
    payload: { elapsed, ...recalled.payload },
  };
};

/** The instructions of the open run: as they were journaled, or evaluated anew where that was erased (J4). */
export const instructionsOf = async (session: ActiveSession, run: OpenRun): Promise<string> => {
  const { agent, content, services, state } = session;
  const journaled = await content.instructions(state.instructionsAt);
  if (journaled !== null) return journaled;
  if (content.evaluated?.runId === run.runId) return content.evaluated.text;
  const context = { session: await content.context(), runId: run.runId, now: new Date(run.startedAt) };
  const evaluated = await evaluateInstructions(agent, context, services.clock);
  if (!evaluated.ok) throw new HoldfastError(evaluated.failure.code, evaluated.failure.message);
  const text = services.redactor.text(evaluated.text);
  content.evaluated = { runId: run.runId, text };
  return text;
};

type Evaluated =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly failure: Failure };

const INSTRUCTIONS_LIMIT_MS = 30_000;

/** Definitions may look things up; one that never comes back must not hold its session for ever (E6). */
export const evaluateInstructions = async (
  agent: Agent,
  context: InstructionsContext,
  clock: Clock,
): Promise<Evaluated> => {
  const invalid = (what: string): HoldfastError =>
    new HoldfastError("DEFINITION_INVALID", `The instructions of agent ${agent.name} ${what}.`);
  try {
    const work = (async (): Promise<unknown> => agent.instructions(context))();
    const text = await limited(clock, {
      work,
      limitMs: INSTRUCTIONS_LIMIT_MS,
      otherwise: () => {
        throw invalid(`did not come within ${INSTRUCTIONS_LIMIT_MS / 1_000} s`);
      },
    });
    if (typeof text !== "string") throw invalid("are not text");
    return { ok: true, text };
  } catch (thrown) {
    return { ok: false, failure: toFailure(thrown, "DEFINITION_INVALID") };
  }
};

const addFailure = (batch: Batch, runId: RunId, failure: Failure): void => {
  const totals = { turns: 0, toolCalls: 0, retries: 0, spend: NO_SPEND };
  batch.add({
    header: {
      type: "run.failed",
      runId,
      code: failure.code,
      causeAt: null,
      durationMs: 0,
      totals,
      undo: null,
    },
    payload: { failure: failure as JsonValue },
  });
};
