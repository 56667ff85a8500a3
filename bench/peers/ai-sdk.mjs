/** The AI SDK's own loops, `generateText` and `streamText`, in memory. Nothing is kept; a crash loses everything. */
import { generateText, isStepCount, streamText, tool } from "ai";
import {
  INSTRUCTIONS,
  lookInput,
  PIECES,
  QUESTION,
  RESULT,
  TOOL_DESCRIPTION,
  TOOL_NAME,
} from "../workload.mjs";
import { answerOf, languageModel } from "./language-model.mjs";

/** Generates at once, or streams to one reader who must see every piece. */
export const openPeer = async ({ turns, isStreamed = false }) => {
  const look = tool({ description: TOOL_DESCRIPTION, inputSchema: lookInput, execute: () => RESULT });
  const request = {
    model: languageModel(turns),
    instructions: INSTRUCTIONS,
    prompt: QUESTION,
    tools: { [TOOL_NAME]: look },
    stopWhen: isStepCount(turns),
  };
  const check = ({ text, steps }) => {
    if (text === answerOf(isStreamed) && steps.length === turns) return;
    throw new Error(`A loop ended otherwise than it should: ${text} after ${steps.length} steps`);
  };
  const generate = async () => check(await generateText(request));
  const stream = async () => {
    const result = streamText(request);
    let seen = 0;
    for await (const part of result.stream) if (part.type === "text-delta") seen += 1;
    if (seen !== PIECES * turns) throw new Error(`The reader saw ${seen} pieces, not ${PIECES * turns}.`);
    const [text, steps] = await Promise.all([result.text, result.steps]);
    check({ text, steps });
  };
  const runSession = isStreamed ? stream : generate;
  return {
    run: async (sessions) => void (await Promise.all(Array.from({ length: sessions }, runSession))),
    close: async () => undefined,
  };
};
