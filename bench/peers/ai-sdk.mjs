/** The AI SDK's own loop: `generateText` in memory. Nothing is kept; a crash loses everything. */
import { generateText, isStepCount, tool } from "ai";
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

const USAGE = {
  inputTokens: { total: USED.input, noCache: USED.input, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: USED.output, text: USED.output, reasoning: 0 },
};

/** A language model of the provider interface, version 4, that answers at once from the prompt it is handed. */
const benchModel = (turns) => {
  let calls = 0;
  return {
    specificationVersion: "v4",
    provider: "scripted",
    modelId: "scripted",
    supportedUrls: {},
    doGenerate: async ({ prompt }) => {
      calls += 1;
      const input = callOfTurn(turnOf(prompt), turns);
      if (input === null) {
        return {
          content: [{ type: "text", text: ANSWER }],
          finishReason: { unified: "stop", raw: "stop" },
          usage: USAGE,
          warnings: [],
        };
      }
      return {
        content: [
          {
            type: "tool-call",
            toolCallId: `call_${calls}`,
            toolName: TOOL_NAME,
            input: JSON.stringify(input),
          },
        ],
        finishReason: { unified: "tool-calls", raw: "tool_calls" },
        usage: USAGE,
        warnings: [],
      };
    },
    doStream: async () => {
      throw new Error("not used");
    },
  };
};

export const openPeer = async ({ turns }) => {
  const model = benchModel(turns);
  const look = tool({ description: TOOL_DESCRIPTION, inputSchema: lookInput, execute: () => RESULT });
  const runSession = async () => {
    const { text, steps } = await generateText({
      model,
      instructions: INSTRUCTIONS,
      prompt: QUESTION,
      tools: { [TOOL_NAME]: look },
      stopWhen: isStepCount(turns),
    });
    if (text !== ANSWER || steps.length !== turns) {
      throw new Error(`A loop ended otherwise than it should: ${text} after ${steps.length} steps`);
    }
  };
  return {
    run: async (sessions) => void (await Promise.all(Array.from({ length: sessions }, runSession))),
    close: async () => undefined,
  };
};
