import { ModelCallError } from "../core/errors.ts";
import { textOf } from "../core/message.ts";
import type { Position } from "../core/ids.ts";
import type { SummarySettings } from "../core/run-settings.ts";
import type { SessionState } from "../core/session-state.ts";
import { unusableSummary, type SummaryOutcome } from "../core/settle-summary-call.ts";
import type { ModelOutcome } from "../core/settle-model-call.ts";
import { conversationOf, roomForTold } from "../core/summary.ts";
import { readSummary, summaryInstructions, summaryMessage } from "../core/summary-prompt.ts";
import { summaryRoom } from "../core/window.ts";
import type { Agent } from "../ports/agent.ts";
import type { Model, ModelRequest } from "../ports/model.ts";
import type { ActiveSession } from "./active-session.ts";
import { callModel } from "./call-model.ts";
import { goneOf } from "./compact.ts";
import type { Deadline } from "./deadline.ts";
import type { ModelCall } from "./model-call.ts";
import type { Outcome } from "./outcome.ts";

/** One summary by a model, journaled as started. */
type SummaryCall = Omit<ModelCall, "request">;

type Asked = {
  readonly room: number;
  readonly settings: SummarySettings;
  /** What it may name, and where what it was told stands. */
  positions: ReadonlySet<Position>;
  of: readonly Position[];
};

/** Asks a model for a summary of what leaves the window. Total: whatever happens comes back as an outcome. */
export const callSummary = async (
  session: ActiveSession,
  call: SummaryCall,
  deadline: Deadline,
): Promise<Outcome> => {
  const { state, agent } = session;
  const { run, startedAt } = call;
  const { summary } = run.settings;
  const dropped = run.phase.kind === "summarising" ? run.phase.call.dropped : 0;
  const settings = summary ?? NOBODY;
  const asked: Asked = {
    room: roomForTold(summaryRoom(state, dropped)),
    settings,
    positions: new Set(),
    of: [],
  };
  const outcome = await callModel(
    {
      ...call,
      agent: summariserOf(agent, settings),
      run: {
        ...run,
        settings: { ...run.settings, candidates: [settings], modelTimeoutMs: settings.timeoutMs },
      },
      attempt: 1,
      candidate: 0,
      isUnheard: true,
      request: async ({ signal }, onDelta) => ({
        ...(await promptOf(session, { state, dropped }, asked)),
        readBlob: noFiles,
        signal,
        onDelta,
      }),
    },
    deadline,
  );
  return { kind: "summary", startedAt, summary: summaryIn(outcome, asked), of: asked.of };
};

type SummaryMade = Extract<Outcome, { kind: "summary" }>;

/** J4: what was erased while it was summed up does not come back with its summary. */
export const unlessErased = async ({ content }: ActiveSession, made: SummaryMade): Promise<SummaryMade> => {
  const { summary, of } = made;
  if (!summary.result.ok) return made;
  const stored = await content.storedAt(of);
  if (of.every((at) => (stored.get(at)?.payload ?? null) !== null)) return made;
  const why = unusableSummary("what it was made of has been erased.");
  return { ...made, summary: { ...summary, result: { ok: false, failure: why } } };
};

const NOBODY: SummarySettings = {
  provider: "unknown",
  modelId: "unknown",
  maxOutputTokens: 1,
  timeoutMs: 1,
  maxPromptChars: 0,
};

/** The agent as the model that sums up sees it: without tools, and free in its answer. */
const summariserOf = (agent: Agent, { provider, modelId }: SummarySettings): Agent => ({
  ...agent,
  tools: new Map(),
  output: null,
  model: async (): Promise<Model> => {
    const here = agent.settings.summary;
    // guard S6: a run is summed up by the model that it began with
    if (agent.summariser === null || here?.provider !== provider || here.modelId !== modelId)
      throw new ModelCallError(
        "MODEL_NOT_CONFIGURED",
        `The definition of agent ${agent.name} that is here does not sum up with ${provider}/${modelId}.`,
      );
    return agent.summariser.model();
  },
});

/** What is summed up is told in words. */
const noFiles = (digest: string): Promise<never> =>
  Promise.reject(new ModelCallError("INTERNAL", `A summary was asked for the file ${digest}.`));

type Prompt = Pick<ModelRequest, "system" | "messages" | "tools" | "settings" | "output">;

const promptOf = async (
  session: ActiveSession,
  { state, dropped }: { readonly state: SessionState; readonly dropped: number },
  asked: Asked,
): Promise<Prompt> => {
  const { maxPromptChars, maxOutputTokens } = asked.settings;
  const gone = await goneOf(session, { state, events: [] }, dropped);
  const { text, positions } = conversationOf(gone, maxPromptChars);
  asked.positions = positions;
  asked.of = gone.flatMap(({ event }) => (event.payload === null ? [] : [event.position]));
  return {
    system: summaryInstructions(asked.room),
    messages: [{ role: "user", content: [{ type: "text", text: summaryMessage(text) }] }],
    tools: [],
    settings: { ...session.agent.summariser?.settings, maxOutputTokens },
    output: null,
  };
};

const summaryIn = (outcome: Outcome, asked: Asked): SummaryOutcome => {
  if (outcome.kind === "model-failure") {
    const { failure, charge, durationMs } = outcome.failed;
    return { charge, durationMs, result: { ok: false, failure } };
  }
  if (outcome.kind !== "model-answer") throw new ModelCallError("INTERNAL", "A model did not answer.");
  const { charge, durationMs } = outcome.answer;
  return { charge, durationMs, result: linesIn(outcome.answer, asked) };
};

const linesIn = (
  { content, finish, metadata }: ModelOutcome,
  { positions, room }: Asked,
): SummaryOutcome["result"] => {
  // guard E9: a summary that did not finish well is none
  if (finish !== "stop")
    return { ok: false, failure: unusableSummary(`it ended with "${finish}" before it was complete.`) };
  const lines = readSummary(textOf(content), { positions, room });
  // guard E6: what is no summary is not taken for one
  if (lines === null)
    return {
      ok: false,
      failure: unusableSummary("it is empty, or not in the form that was asked for."),
    };
  return { ok: true, lines, metadata };
};
