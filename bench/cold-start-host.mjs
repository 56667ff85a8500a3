/** A process that begins a long session, or one that opens what such a process left when it was killed. */
import { createRuntime } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { serve } from "./parts/child.mjs";
import { benchAgent } from "./peers/holdfast.mjs";
import { callOfTurn, QUESTION, TOOL_NAME, turnOf, USED } from "./workload.mjs";

/** A model that goes on until `isEnough`, and then never answers; it tells of every call. */
const modelUntil = (isEnough, onCall) =>
  scriptedModel(({ messages }) => {
    const turn = turnOf(messages);
    onCall({ turn, messages: messages.length });
    if (isEnough(turn, messages.length)) return { hang: true };
    return {
      toolCalls: [{ name: TOOL_NAME, input: callOfTurn(turn, Number.POSITIVE_INFINITY) }],
      usage: { inputTokens: USED.input, outputTokens: USED.output },
    };
  });

/** Works until the journal is long enough and the conversation has so many messages, and stays in that model call. */
const prepare = async ({ dataDir, limits, turns, messages }) => {
  const { promise, resolve } = Promise.withResolvers();
  const isEnough = (turn, length) => turn >= turns && length === (messages ?? length);
  const model = modelUntil(isEnough, (call) => isEnough(call.turn, call.messages) && resolve(call));
  const agent = benchAgent({ model, limits });
  const runtime = await createRuntime({ agents: [agent], dataDir });
  const session = await runtime.createSession(agent);
  await session.send(QUESTION);
  const call = await promise;
  return { ...call, events: (await session.snapshot()).position };
};

/** Opens the directory and waits for the first model call; nothing else is asked for. */
const start = async ({ dataDir, limits }) => {
  const { promise, resolve } = Promise.withResolvers();
  const model = modelUntil(
    () => true,
    (call) => resolve({ ...call, enteredAt: performance.now() }),
  );
  const agent = benchAgent({ model, limits });
  const begun = performance.now();
  await createRuntime({ agents: [agent], dataDir });
  const openMs = performance.now() - begun;
  const { enteredAt, messages } = await promise;
  return { ms: enteredAt - begun, openMs, messages };
};

await serve(async () => ({
  answer: ({ what, ...request }) => (what === "prepare" ? prepare(request) : start(request)),
  close: async () => process.exit(0),
}));
