import type { AgentDefinition } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { agentOf, toolOf } from "../../packages/holdfast/src/testing/scenario.fixture.ts";
import { never } from "./scenario.ts";

/**
 * The agent whose sessions are in the recorded data directory. What it does depends on the last words said
 * to it, so that the process that recorded and the one that goes on can be given the same script.
 */
export const directoryAgent = (world: { readonly isRecording: boolean }): AgentDefinition => {
  const model = scriptedModel(({ lastUserText, toolResults }) => {
    const tool = TOOL_FOR[lastUserText];
    if (lastUserText === "Wait." && world.isRecording)
      return { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 60_000 } };
    if (tool !== undefined && (toolResults.length === 0 || (lastUserText === "Long." && world.isRecording)))
      return { text: "Let me see.", toolCalls: [{ name: tool, input: {} }] };
    return { text: `Answered: ${lastUserText}` };
  });
  const tools = [
    toolOf({ name: "tell", effect: "read", maxOutputChars: 80, execute: () => "word ".repeat(60) }),
    toolOf({
      name: "pay",
      effect: "write",
      execute: () => {
        throw new TypeError("socket hang up");
      },
    }),
    toolOf({ name: "slow", effect: "read", execute: () => (world.isRecording ? never() : "done") }),
    toolOf({ name: "look", effect: "read", execute: () => "seen" }),
  ];
  return agentOf({ model, tools, limits: { maxTurns: 52 } });
};

const TOOL_FOR: Partial<Record<string, string>> = {
  "Tell.": "tell",
  "Pay.": "pay",
  "Slow.": "slow",
  "Long.": "look",
};
