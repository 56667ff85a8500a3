/** Holdfast as a user has it: the packed package, default options, SQLite with full durability. */
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import {
  ANSWER,
  callOfTurn,
  INSTRUCTIONS,
  lookInput,
  QUESTION,
  RESULT,
  TOOL_DESCRIPTION,
  TOOL_NAME,
  turnOf,
  USED,
} from "../workload.mjs";

export const benchModel = (turns) =>
  scriptedModel(({ messages }) => {
    const input = callOfTurn(turnOf(messages), turns);
    const step = input === null ? { text: ANSWER } : { toolCalls: [{ name: TOOL_NAME, input }] };
    return { ...step, usage: { inputTokens: USED.input, outputTokens: USED.output } };
  });

const benchAgent = (turns) =>
  defineAgent({
    name: "bench",
    instructions: INSTRUCTIONS,
    model: benchModel(turns),
    limits: { maxTurns: turns },
    tools: [
      defineTool()({
        name: TOOL_NAME,
        description: TOOL_DESCRIPTION,
        inputSchema: lookInput,
        effect: "read",
        execute: () => RESULT,
      }),
    ],
  });

/** Opens the peer; `run(sessions)` answers when that many sessions have had all their turns. */
export const openPeer = async ({ dataDir, turns, store, isWatched = true }) => {
  const agent = benchAgent(turns);
  const runtime = await createRuntime({
    agents: [agent],
    dataDir,
    ...(store === undefined ? {} : { store }),
  });
  const runSession = async () => {
    const session = await runtime.createSession(agent);
    const watching = isWatched ? watch(session) : Promise.resolve(0);
    const run = await session.send(QUESTION);
    const outcome = await run.outcome();
    if (outcome.status !== "completed" || outcome.output !== ANSWER || outcome.turns !== turns) {
      throw new Error(`A session ended otherwise than it should: ${JSON.stringify(outcome)}`);
    }
    const seen = await watching;
    // Created, accepted, started, completed; two a model call, two a tool call; more where the window was cut.
    const due = 4 + 4 * turns - 2;
    if (isWatched && seen < due) throw new Error(`The subscriber saw ${seen} events, not ${due}.`);
  };
  return {
    run: async (sessions) => void (await Promise.all(Array.from({ length: sessions }, runSession))),
    close: () => runtime.close(),
  };
};

/** One subscriber: follows the session to the end of its run and counts what it sees. */
const watch = async (session) => {
  let seen = 0;
  for await (const event of session.events()) {
    if (event.kind !== "event") continue;
    seen += 1;
    if (event.type === "run.completed") break;
  }
  return seen;
};
