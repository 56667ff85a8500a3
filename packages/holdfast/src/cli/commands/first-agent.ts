const PACKAGE = "holdfast";

/** The agent that `holdfast init` writes: it runs at once, and says what is scripted about it. */
export const FIRST_AGENT = `// Run it:  npx holdfast run agent.ts "How long is this sentence?"
import { defineAgent, defineTool } from "${PACKAGE}";
import { scriptedModel } from "${PACKAGE}/testing";
import { z } from "zod";

const countWords = defineTool()({
  name: "count_words",
  description: "Counts the words of a text.",
  inputSchema: z.object({ text: z.string() }),
  // What a call does to the world: "read" changes nothing, "idempotent" may be repeated with the same
  // key, "write" is never repeated blindly.
  effect: "read",
  execute: ({ text }) => ({ words: text.split(/\\s+/).filter(Boolean).length }),
});

// This model is scripted: it plays these lines and thinks nothing, so that the file runs without a key.
// For a real one: npm i @ai-sdk/anthropic@4, set ANTHROPIC_API_KEY, and put below
//   model: "anthropic/claude-sonnet-4-5",
const scripted = scriptedModel(({ lastUserText, toolResults }) =>
  toolResults.length === 0
    ? { toolCalls: [{ name: "count_words", input: { text: lastUserText } }] }
    : { text: \`The scripted model asked the tool, which says: \${JSON.stringify(toolResults[0]?.output.value)}\` },
);

export const agent = defineAgent({
  name: "assistant",
  model: scripted,
  instructions: "Answer briefly. Count words with the tool, never by guessing.",
  tools: [countWords],
});
`;
