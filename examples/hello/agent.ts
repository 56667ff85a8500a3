import { defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { z } from "zod";

const lookUp = defineTool()({
  name: "look_up_time",
  description: "Says what time it is somewhere.",
  inputSchema: z.object({ zone: z.string().describe("For example Europe/Vienna") }),
  effect: "read",
  execute: ({ zone }) => new Date().toLocaleTimeString("en-GB", { timeZone: zone }),
});

export const agent = defineAgent({
  name: "hello",
  // Plays these lines and thinks nothing, so that this runs without a key. A real model is a string:
  //   model: "anthropic/claude-sonnet-4-5",
  model: scriptedModel(({ toolResults: [time] }) =>
    time === undefined
      ? { toolCalls: [{ name: "look_up_time", input: { zone: "Europe/Vienna" } }] }
      : { text: `Hello! In Vienna it is ${JSON.stringify(time.output.value)}.` },
  ),
  instructions: "Greet people, and tell them the time.",
  tools: [lookUp],
});
