import { charsIn } from "../core/chars.ts";
import { isOutdated } from "../core/approval.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { EventDraft } from "../core/event.ts";
import { handOffTarget, type History } from "../core/hand-off-terms.ts";
import type { CallId } from "../core/ids.ts";
import { cannotLeave } from "../core/plan-budget.ts";
import type { RunSettings } from "../core/run-settings.ts";
import { openCallOf, type OpenCall, type OpenRun } from "../core/session-state.ts";
import { closedCall } from "../core/settle-tool-call.ts";
import type { Agent } from "../ports/agent.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { messageFor } from "./message-for-agent.ts";
import { ruleAfter, withBudget } from "./run-budget.ts";
import { evaluateInstructions } from "./start-run.ts";

/**
 * Lets another agent go on: the call has its result, and the next model call is that agent's, in one commit. What keeps it
 * from that is told to the model, as the result of the call, and the run goes on as it was.
 */
export const handOff = async (session: ActiveSession, batch: Batch, callId: CallId): Promise<void> => {
  const { run } = batch.state;
  const call = openCallOf(run, callId);
  // What comes next is planned with the agent that is there then.
  session.latch.set();
  // guard E4: an approval is still good in the moment in which a session is handed over
  if (run === null || call === undefined || isOutdated(call, batch.now())) return;
  const next = await nextOf(session, run, { call, batch });
  if ("code" in next) {
    batch.add(closedCall(run.runId, call, session.services.redactor.failure(next)));
    return;
  }
  const said = `The session is handed over to ${next.agent.name}.`;
  batch.add({
    header: {
      type: "tool-call.completed",
      runId: run.runId,
      callId,
      attempt: call.attempt,
      durationMs: 0,
      chars: charsIn(said),
      by: "hand-off",
      isCoerced: false,
      repeats: 1,
      spent: null,
    },
    payload: { output: { type: "text", value: said } },
  });
  batch.add(handedOff(run, next));
};

/** The same where the run's next model call does not fit its limit: within what is left, another agent goes on with all of it. */
export const handOffRun = async (session: ActiveSession, batch: Batch): Promise<void> => {
  const { run } = batch.state;
  // What comes next is planned with the agent that is there then.
  session.latch.set();
  const left = run?.budget.leavingFor ?? null;
  if (run === null || left === null || run.phase.kind !== "ready") return;
  const next = await agentAfter(session, run, { name: left.agent, batch, isByRule: true });
  if ("code" in next) {
    batch.add(cannotLeave(run, run.phase, { left, why: session.services.redactor.failure(next) }));
    return;
  }
  batch.add(handedOff(run, { ...next, message: "", history: "full" }));
};

const handedOff = (run: OpenRun, next: Next): EventDraft => {
  const { agent, settings, instructions, message, history } = next;
  return {
    header: {
      type: "run.handed-off",
      runId: run.runId,
      agent: agent.name,
      agentVersion: agent.version,
      digest: agent.digest,
      onUpgrade: agent.onUpgrade,
      parts: agent.parts,
      settings,
      history,
      chars: charsIn(message),
    },
    payload: { instructions, ...(history === "full" ? {} : { content: message }) },
  };
};

type AgentAfter = {
  readonly agent: Agent;
  readonly settings: RunSettings;
  readonly instructions: string;
};

type Next = AgentAfter & {
  readonly message: string;
  readonly history: History;
};

const nextOf = async (
  session: ActiveSession,
  run: OpenRun,
  { call, batch }: { readonly call: OpenCall; readonly batch: Batch },
): Promise<Next | Failure> => {
  const name = handOffTarget(call.policy) ?? "";
  const tool = session.agent.tools.get(call.tool);
  if (tool === undefined) return noAgent(name);
  const input = await session.content.inputFor(tool, run, { callId: call.callId, fresh: batch.events });
  const message = messageFor(tool, input);
  if (!message.ok) return failure("TOOL_FAILED", message.why, { retryable: false });
  const after = await agentAfter(session, run, { name, batch, isByRule: false });
  if ("code" in after) return after;
  const text = session.services.redactor.text(message.text);
  return { ...after, message: text, history: tool.history ?? "full" };
};

const formOf = ({ output }: Agent): string => JSON.stringify(output?.schema ?? null);

const noAgent = (name: string): Failure =>
  failure("AGENT_NOT_FOUND", `There is no agent "${name}" here.`, { retryable: false });

/** Another agent, ready to go on with a run; a failure where it cannot. */
const agentAfter = async (
  session: ActiveSession,
  run: OpenRun,
  { name, batch, isByRule }: { readonly name: string; readonly batch: Batch; readonly isByRule: boolean },
): Promise<AgentAfter | Failure> => {
  const { services, content } = session;
  const { clock, redactor } = services;
  const agent = services.agents.get(name);
  if (agent === undefined) return noAgent(name);
  // Where this is an older definition of an agent, what it hands over to has not been held against it before.
  if (formOf(agent) !== formOf(session.agent))
    return failure("TOOL_FAILED", `Agent "${name}" answers in another form.`, { retryable: false });
  const context = { session: await content.context(), runId: run.runId, now: new Date(batch.now()) };
  const evaluated = await evaluateInstructions(agent, context, clock);
  if (!evaluated.ok) return evaluated.failure;
  const instructions = redactor.text(evaluated.text);
  const settings = await settingsAfter(session, run, { agent, instructions, isByRule });
  return "code" in settings ? settings : { agent, settings, instructions };
};

/** The next agent's models and ways; the limits are those that the run began with (E6, E8). */
const settingsAfter = async (
  session: ActiveSession,
  run: OpenRun,
  {
    agent,
    instructions,
    isByRule,
  }: { readonly agent: Agent; readonly instructions: string; readonly isByRule: boolean },
): Promise<RunSettings | Failure> => {
  const { maxTurns, maxDurationMs, maxToolCalls, maxRepeats, whenFailed, budget } = run.settings;
  const settings = {
    ...agent.settings,
    /* guard E6: a run that is handed over keeps its turns */ maxTurns,
    /* guard E6: a run that is handed over keeps its time */ maxDurationMs,
    maxToolCalls,
    maxRepeats,
    whenFailed,
    budget: null,
  };
  if (budget === null) return settings;
  const { calledBy, acceptedAt } = run;
  const overrides = await session.content.overrides(acceptedAt);
  // E8: it keeps what it may cost, too.
  const caps = { ...budget, onLimit: ruleAfter(budget.onLimit, { next: agent, isByRule }) };
  return withBudget(session, settings, { agent, caps, calledBy, overrides, instructions });
};
