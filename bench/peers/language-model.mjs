/** A language model of the provider interface, version 4, that answers at once from the prompt it is handed. */
import { ANSWER, callOfTurn, PIECE, PIECES, SPOKEN, TOOL_NAME, turnOf, USED } from "../workload.mjs";

const USAGE = {
  inputTokens: { total: USED.input, noCache: USED.input, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: USED.output, text: USED.output, reasoning: 0 },
};

const STOP = { unified: "stop", raw: "stop" };
const TOOL_CALLS = { unified: "tool-calls", raw: "tool_calls" };

/** What a stream of this model has in it, in the order of the provider packages. */
const partsOf = ({ pieces, toolCall, finishReason }) => [
  { type: "stream-start", warnings: [] },
  { type: "text-start", id: "0" },
  ...pieces.map((delta) => ({ type: "text-delta", id: "0", delta })),
  { type: "text-end", id: "0" },
  ...(toolCall === null ? [] : inputPartsOf(toolCall)),
  { type: "finish", finishReason, usage: USAGE },
];

const inputPartsOf = (toolCall) => {
  const { toolCallId: id, toolName, input } = toolCall;
  return [
    { type: "tool-input-start", id, toolName },
    { type: "tool-input-delta", id, delta: input },
    { type: "tool-input-end", id },
    toolCall,
  ];
};

/** All parts are there at once: what is measured is the loop around it. */
const streamOf = (parts) =>
  new ReadableStream({
    start: (controller) => {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });

export const languageModel = (turns) => {
  let calls = 0;
  const next = (prompt) => {
    calls += 1;
    const input = callOfTurn(turnOf(prompt), turns);
    if (input === null) return { toolCall: null, finishReason: STOP };
    const call = { toolCallId: `call_${calls}`, toolName: TOOL_NAME, input: JSON.stringify(input) };
    return { toolCall: { type: "tool-call", ...call }, finishReason: TOOL_CALLS };
  };
  return {
    specificationVersion: "v4",
    provider: "scripted",
    modelId: "scripted",
    supportedUrls: {},
    doGenerate: async ({ prompt }) => {
      const { toolCall, finishReason } = next(prompt);
      const content = toolCall === null ? [{ type: "text", text: ANSWER }] : [toolCall];
      return { content, finishReason, usage: USAGE, warnings: [] };
    },
    doStream: async ({ prompt }) => {
      const pieces = Array.from({ length: PIECES }, () => PIECE);
      return { stream: streamOf(partsOf({ pieces, ...next(prompt) })) };
    },
  };
};

/** What a run says in the end: the streamed form says it in pieces. */
export const answerOf = (isStreamed) => (isStreamed ? SPOKEN : ANSWER);
