/** Holdfast as a user has it: the packed package, default options, SQLite with full durability. */
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import {
  ANSWER,
  callOfTurn,
  INSTRUCTIONS,
  lookInput,
  PIECES,
  QUESTION,
  RESULT,
  SPOKEN,
  TOOL_DESCRIPTION,
  TOOL_NAME,
  turnOf,
  USED,
} from "../workload.mjs";
import { answerOf, languageModel } from "./language-model.mjs";

/** Answers from the conversation alone; streamed, it also speaks in every turn. */
export const benchModel = (turns, { isStreamed = false } = {}) =>
  scriptedModel(({ messages }) => {
    const input = callOfTurn(turnOf(messages), turns);
    const calls = input === null ? {} : { toolCalls: [{ name: TOOL_NAME, input }] };
    const spoken = isStreamed ? { text: SPOKEN, deltas: PIECES } : input === null ? { text: ANSWER } : {};
    return { ...calls, ...spoken, usage: { inputTokens: USED.input, outputTokens: USED.output } };
  });

export const lookTool = defineTool()({
  name: TOOL_NAME,
  description: TOOL_DESCRIPTION,
  inputSchema: lookInput,
  effect: "read",
  execute: () => RESULT,
});

export const benchAgent = ({ turns, model, limits = {} }) =>
  defineAgent({
    name: "bench",
    instructions: INSTRUCTIONS,
    model,
    limits: { maxTurns: turns, ...limits },
    tools: [lookTool],
  });

/** Opens the peer; `run(sessions)` answers when that many sessions have had all their turns. */
export const openPeer = async ({ dataDir, turns, store, isWatched = true, ...how }) => {
  const { isStreamed = false, isProviders = false } = how;
  const model = isProviders ? languageModel(turns) : benchModel(turns, { isStreamed });
  const agent = benchAgent({ turns, model });
  const runtime = await createRuntime({
    agents: [agent],
    dataDir,
    ...(store === undefined ? {} : { store }),
  });
  const runSession = async () => {
    const session = await runtime.createSession(agent);
    const watching = isWatched ? watch(session) : null;
    const run = await session.send(QUESTION);
    const outcome = await run.outcome();
    const isDone = outcome.status === "completed" && outcome.output === answerOf(isStreamed);
    if (!isDone || outcome.turns !== turns) {
      throw new Error(`A session ended otherwise than it should: ${JSON.stringify(outcome)}`);
    }
    const seen = await watching;
    if (seen !== null) checkSeen(seen, { turns, isStreamed });
  };
  return {
    run: async (sessions) => void (await Promise.all(Array.from({ length: sessions }, runSession))),
    close: () => runtime.close(),
  };
};

/** One subscriber: follows the session to the end of its run and counts what it sees. */
const watch = async (session) => {
  const seen = { events: 0, pieces: 0 };
  for await (const event of session.events()) {
    if (event.kind === "delta" && event.type === "text") seen.pieces += 1;
    if (event.kind !== "event") continue;
    seen.events += 1;
    if (event.type === "run.completed") break;
  }
  return seen;
};

const checkSeen = ({ events, pieces }, { turns, isStreamed }) => {
  // Created, accepted, started, completed; two a model call, two a tool call; more where the window was cut.
  const due = 4 + 4 * turns - 2;
  if (events < due) throw new Error(`The subscriber saw ${events} events, not ${due}.`);
  if (isStreamed && pieces !== PIECES * turns) {
    throw new Error(`The subscriber saw ${pieces} pieces, not ${PIECES * turns}.`);
  }
};
