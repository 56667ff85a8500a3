import { HoldfastError, ToolError } from "../core/errors.ts";
import { failure, toFailure, type Failure } from "../core/failure.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { ToolOutcome, VerifyOutcome } from "../core/settle-tool-call.ts";
import type { Tool, ToolContext } from "../ports/tool.ts";
import type { Deadline } from "./deadline.ts";
import type { Outcome } from "./outcome.ts";
import type { ToolAttempt } from "./tool-attempt.ts";
import { fitOutput } from "./tool-output.ts";

/** Runs the tool once. Total: whatever happens comes back as an outcome. */
export const callTool = async (call: ToolAttempt, deadline: Deadline): Promise<Outcome> => {
  const { clock } = call.services;
  const begun = clock.monotonicMs();
  const outcome = await attemptTool(call, deadline);
  deadline.clear();
  return {
    kind: "tool",
    callId: call.callId,
    attempt: call.attempt,
    durationMs: Math.round(clock.monotonicMs() - begun),
    outcome,
  };
};

const attemptTool = async (call: ToolAttempt, deadline: Deadline): Promise<ToolOutcome> => {
  const { tool } = call;
  const input = await inputOf(call);
  if (!input.ok) {
    const message = `The arguments of ${tool.name} are not valid: ${input.issues.join("; ")}`;
    return {
      kind: "failed",
      failure: failure("TOOL_INPUT_INVALID", message),
      executed: false,
      retryAfterMs: undefined,
    };
  }
  const context = await makeContext(call, deadline);
  if (!call.mayEnter()) return notEntered();
  deadline.after(call.timeoutMs, {
    code: "TOOL_TIMEOUT",
    message: `${tool.name} did not finish within ${call.timeoutMs} ms.`,
  });
  const work = enter(call, () => tool.execute(input.value, context)).then(
    (result) => finish(call, result),
    (thrown: unknown) => failedOutcome(call, thrown),
  );
  const stopped = deadline.stopped.then((reason): ToolOutcome => {
    // The attempt is given up; what it still brings is recorded as late and not used.
    void work.then((late) => {
      if (late.kind === "completed") call.onLate(late);
    });
    return {
      kind: "failed",
      failure: failure(reason.code, reason.message),
      executed: undefined,
      retryAfterMs: undefined,
    };
  });
  return Promise.race([work, stopped]);
};

const notEntered = (): ToolOutcome => ({
  kind: "failed",
  failure: failure("TOOL_CANCELLED", "The call was stopped before the tool was entered."),
  executed: false,
  retryAfterMs: undefined,
});

/** How long a tool may hold the event loop before it is named (S2). */
const MAX_STALL_MS = 200;

/** Enters the tool's own code; a synchronous throw becomes a rejection, a long stall is reported. */
const enter = (call: ToolAttempt, work: () => Promise<unknown>): Promise<unknown> => {
  const { clock, logger } = call.services;
  const begun = clock.monotonicMs();
  try {
    return Promise.resolve(work());
  } catch (thrown) {
    return Promise.reject(thrown);
  } finally {
    const stalledMs = clock.monotonicMs() - begun;
    if (stalledMs > MAX_STALL_MS) {
      logger.warn(
        `Tool ${call.tool.name} held the event loop for ${Math.round(stalledMs)} ms; other sessions waited.`,
        {
          tool: call.tool.name,
          sessionId: call.sessionId,
          stalledMs: Math.round(stalledMs),
        },
      );
    }
  }
};

const inputOf = async (call: ToolAttempt): Promise<Awaited<ReturnType<Tool["parseInput"]>>> => {
  const kept = call.content.findInput(call.callId);
  if (kept !== undefined) return { ok: true, value: kept.value };
  return call.tool.parseInput(await call.content.proposedInput(call.run, call.callId));
};

const finish = async (call: ToolAttempt, result: unknown): Promise<ToolOutcome> => {
  let output: ToolOutput;
  try {
    output = await call.tool.toOutput(result);
  } catch (thrown) {
    // The tool has run: even for a `write` the outcome is known, only its result is not what was declared.
    const problem = toFailure(thrown, "TOOL_OUTPUT_INVALID");
    output = { type: "error", value: `${problem.code}: ${problem.message}` };
  }
  return { kind: "completed", ...(await fitOutput(call, output)) };
};

const failedOutcome = (call: ToolAttempt, thrown: unknown): ToolOutcome => {
  const own = thrown instanceof ToolError ? thrown : undefined;
  return {
    kind: "failed",
    failure: clean(call, toFailure(thrown, "TOOL_FAILED")),
    executed: own?.executed,
    retryAfterMs: own?.retryAfterMs,
  };
};

/** Failures are journaled and shown to the model: no secret may be in them (O2). */
const clean = (call: ToolAttempt, failed: Failure): Failure => {
  const { redactor } = call.services;
  const { value } = toJournalValue(failed);
  return redactor.value(value as Failure & JsonValue);
};

const makeContext = async (call: ToolAttempt, deadline: Deadline): Promise<ToolContext> => {
  const { services, sessionId, runId, callId } = call;
  const fields = { sessionId, runId, callId, tool: call.tool.name };
  const log =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, more: object = {}) =>
      services.logger[level](services.redactor.text(message), { ...more, ...fields });
  const session = await call.content.context();
  return {
    session,
    runId,
    callId,
    signal: deadline.signal,
    attempt: call.attempt,
    idempotencyKey: call.idempotencyKey,
    workspace: services.workspace(sessionId),
    secret: services.secret,
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    progress: (message) =>
      services.feed.publish(sessionId, {
        kind: "progress",
        progress: { runId, callId, message: services.redactor.text(message) },
      }),
    deps: services.deps,
  };
};

/** Asks the tool whether an attempt of unknown outcome took place (E2). */
export const verifyCall = async (call: ToolAttempt, deadline: Deadline): Promise<Outcome> => {
  const { clock } = call.services;
  const begun = clock.monotonicMs();
  const outcome = await attemptVerify(call, deadline).catch((thrown: unknown): VerifyOutcome => ({
    kind: "failed",
    failure: clean(call, toFailure(thrown, "TOOL_FAILED")),
  }));
  deadline.clear();
  const durationMs = Math.round(clock.monotonicMs() - begun);
  return { kind: "verification", callId: call.callId, attempt: call.attempt, durationMs, outcome };
};

const attemptVerify = async (call: ToolAttempt, deadline: Deadline): Promise<VerifyOutcome> => {
  const { tool } = call;
  const verify = tool.verify?.bind(tool);
  const input = await inputOf(call);
  if (verify === undefined || !input.ok)
    return { kind: "unknown", evidence: "This tool can no longer verify the call." };
  const context = await makeContext(call, deadline);
  deadline.after(call.timeoutMs, {
    code: "TOOL_TIMEOUT",
    message: `verify of ${tool.name} did not finish in time.`,
  });
  const stopped = deadline.stopped.then((reason): never => {
    throw new HoldfastError(reason.code, reason.message);
  });
  const found = await Promise.race([enter(call, () => verify(input.value, context)), stopped]);
  return readVerification(call, found);
};

const readVerification = async (call: ToolAttempt, found: unknown): Promise<VerifyOutcome> => {
  const status = typeof found === "object" && found !== null && "status" in found ? found.status : undefined;
  if (status === "not-done") return { kind: "not-done" };
  if (status === "done" && typeof found === "object" && found !== null && "output" in found) {
    const outcome = await finish(call, found.output);
    if (outcome.kind === "completed") return outcome;
  }
  const evidence = toJournalValue(found).value;
  return { kind: "unknown", evidence: call.services.redactor.value(evidence) };
};
