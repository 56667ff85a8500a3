import { CallArtifacts } from "./call-artifacts.ts";
import type { Reserved } from "../core/budget-terms.ts";
import { StoreError } from "../core/errors.ts";
import { failure, type Failure } from "../core/failure.ts";
import { deadlineOf } from "../core/plan.ts";
import { openCallOf, type OpenRun } from "../core/session-state.ts";
import type { ModelDelta, ModelRequest, ModelSettings } from "../ports/model.ts";
import type { ActiveSession } from "./active-session.ts";
import { callModel } from "./call-model.ts";
import { callSummary } from "./call-summary.ts";
import { callTool } from "./call-tool.ts";
import { Deadline } from "./deadline.ts";
import { declarationsOf } from "./declarations.ts";
import { interceptorOf } from "./intercept-result.ts";
import { reportLate } from "./late-result.ts";
import type { Outcome } from "./outcome.ts";
import type { ModelCall } from "./model-call.ts";
import type { Start } from "./start.ts";
import { instructionsOf } from "./start-run.ts";
import { settleTool } from "./tool-circuit.ts";
import type { ToolAttempt } from "./tool-attempt.ts";
import { agentFor, undoOf } from "./undo-call.ts";
import { verifyCall } from "./verify-call.ts";

/** Sets going what has been journaled as started; its outcome comes back to the session. */
export const perform = (session: ActiveSession, start: Start): void => {
  const { run } = session.state;
  if (run === null) return;
  const deadline = new Deadline(session.services.clock);
  const callId = isOfModel(start) ? null : start.callId;
  session.inFlight.set(start.key, { key: start.key, runId: run.runId, callId, deadline });
  const span = session.spans.find(
    isOfModel(start) ? start.key : `tool:${start.kind === "tool" ? start.callId : ""}`,
  );
  const work = (): Promise<Outcome> => launch(session, { run, start, deadline });
  void (span === undefined ? work() : span.run(work)).then((outcome) => session.settled(start.key, outcome));
  // A cancel may have come while the start was being committed (E5).
  // guard E5: what was cancelled while its start was stored is stopped
  if (session.isCancelled(run.runId) || session.isStopped(callId)) {
    deadline.stop({
      code: isOfModel(start) ? "MODEL_CALL_CANCELLED" : "TOOL_CANCELLED",
      message: "The run was cancelled.",
    });
  }
};

type ModelStart = Start & { readonly kind: "model" | "summary" };

const isOfModel = (start: Start): start is ModelStart => start.kind === "model" || start.kind === "summary";

type Launch = { readonly run: OpenRun; readonly start: Start; readonly deadline: Deadline };

const launch = (session: ActiveSession, { run, start, deadline }: Launch): Promise<Outcome> => {
  if (isOfModel(start)) {
    const { startedAt, attempt, candidate, estimate, reserved } = start;
    const call = {
      services: session.services,
      sessionId: session.id,
      agent: session.agent,
      content: session.content,
      run,
      startedAt,
      attempt,
      candidate,
      estimate,
      reserved,
      isUnheard: start.kind === "summary",
      refuseEntry: () => refuseModel(session, run),
    };
    if (start.kind === "summary") return callSummary(session, call, deadline);
    const request: ModelCall["request"] = (limit, onDelta) =>
      modelRequest(session, run, { limit, onDelta, reserved });
    return callModel({ ...call, request }, deadline);
  }
  const call = toolCall(session, { run, start, deadline });
  return start.kind === "tool" ? callOnce(call, deadline) : verifyCall(call, deadline);
};

/** What becomes of it is also said of the tool, for all sessions (E7). */
const callOnce = async (call: ToolAttempt, deadline: Deadline): Promise<Outcome> => {
  const outcome = await callTool(call, deadline);
  if (outcome.kind === "tool") settleTool(call.services.circuits, call, outcome.outcome);
  return outcome;
};

const modelRequest = async (
  session: ActiveSession,
  run: OpenRun,
  {
    limit,
    onDelta,
    reserved,
  }: {
    readonly limit: Deadline;
    readonly onDelta: (delta: ModelDelta) => void;
    readonly reserved: Reserved | null;
  },
): Promise<ModelRequest> => {
  const { agent, content, services } = session;
  const transcript = await content.transcript(session.state);
  const system = await instructionsOf(session, run);
  const overrides = await content.overrides(run.acceptedAt);
  return {
    system: system === "" ? null : system,
    messages: transcript.messages(),
    tools: declarationsOf(agent.tools),
    settings: within(reserved, { ...agent.modelSettings, ...overrides }),
    output: agent.output === null ? null : { schema: agent.output.schema, name: agent.output.name },
    readBlob: async (digest) => {
      const bytes = await services.store.readBlob(session.id, digest);
      if (bytes !== undefined) return bytes;
      throw new StoreError("STORE_DAMAGED", `Session ${session.id} has lost the file ${digest}.`);
    },
    signal: limit.signal,
    onDelta,
  };
};

/** The settings of a call for which so much was set aside. */
const within = (reserved: Reserved | null, settings: ModelSettings): ModelSettings => {
  // guard E8: a model is asked for no more than was set aside
  if (reserved !== null) return { ...settings, maxOutputTokens: reserved.outputTokens };
  return settings;
};

const toolCall = (
  session: ActiveSession,
  { run, start, deadline }: Launch & { readonly start: Start & { kind: "tool" | "verify" } },
): ToolAttempt => {
  const { services, id, content } = session;
  const tool = agentFor(session, run, start.callId)?.tools.get(start.tool);
  if (tool === undefined) throw new StoreError("INTERNAL", `Tool ${start.tool} has gone.`);
  const { callId, attempt } = start;
  const undo = undoOf(session, run, { tool, callId });
  return {
    services,
    sessionId: id,
    content,
    run,
    runId: run.runId,
    tool: undo?.tool ?? tool,
    readInput: undo?.readInput ?? null,
    callId,
    attempt,
    idempotencyKey: start.idempotencyKey,
    edited: start.edited,
    insteadOf: openCallOf(run, callId)?.insteadOf ?? null,
    intercept: undo === null ? afterwards(deadline, interceptorOf(session, run, { callId, tool })) : null,
    artifacts: new CallArtifacts({ services, workspace: services.workspace(id) }),
    timeoutMs: timeLeft(session, run, callId),
    refuseEntry: () => refuseEntry(session, run, callId),
    onLate: (outcome) => void reportLate(session, { runId: run.runId, callId, attempt, outcome }),
  };
};

/** The tool has done its part: only a cancel can end what is left to do, which has limits of its own. */
const afterwards = (deadline: Deadline, intercept: ToolAttempt["intercept"]): ToolAttempt["intercept"] =>
  intercept === null
    ? null
    : (output) => {
        // guard E2: what took place is not unknown because its result was looked at for long
        deadline.clear();
        return intercept(output);
      };

/** An attempt is over by its `notAfter`, also when its start took long to become durable (E2). */
const timeLeft = (session: ActiveSession, run: OpenRun, callId: string): number => {
  const call = openCallOf(run, callId);
  const limitMs = call?.policy.timeoutMs ?? 0;
  if (call?.status.kind !== "started") return limitMs;
  return Math.max(
    0,
    Math.min(
      limitMs,
      /* guard E2: an attempt ends when its time is over */ call.status.notAfter -
        session.services.clock.now(),
    ),
  );
};

/** Cancelled is for good; a lease in doubt is not: whoever holds the session next may try again (J2). */
const refuseEntry = (session: ActiveSession, run: OpenRun, callId: string): Failure | null => {
  // guard E5: a tool of a cancelled run is not entered
  if (
    session.isCancelled(run.runId) ||
    /* guard E5: nor one that was cancelled itself */ session.isStopped(callId)
  )
    return failure("TOOL_CANCELLED", "The call was stopped before the tool was entered.");
  const call = openCallOf(run, callId);
  const now = session.services.clock.now();
  // guard E6: a tool is not entered after its run's time
  if (now >= deadlineOf(run)) return outOfTime("the tool was entered");
  // guard E2: a tool is not entered after its time
  if (call?.status.kind === "started" && now >= call.status.notAfter)
    return failure(
      "TOOL_CALL_LOST",
      "The start of the call took too long to record; the tool was not entered.",
    );
  return mayAct(session) ? null : failure("TOOL_CALL_LOST", `${IN_DOUBT}; the tool was not entered.`);
};

const refuseModel = (session: ActiveSession, run: OpenRun): Failure | null => {
  // guard E6: a model is not called after its run's time
  if (session.services.clock.now() >= deadlineOf(run)) return outOfTime("the model was called");
  return mayAct(session) ? null : failure("MODEL_CALL_LOST", `${IN_DOUBT}; the model was not called.`);
};

const IN_DOUBT = "This process may no longer hold the session";

const outOfTime = (before: string): Failure =>
  failure("RUN_TIMEOUT", `The run's time limit was reached before ${before}.`);

const mayAct = ({ lease, isLost }: ActiveSession): boolean =>
  /* guard J2: nothing acts under a lease in doubt */ lease.isValid() &&
  /* guard J2: nor when the session is lost */ !isLost;
