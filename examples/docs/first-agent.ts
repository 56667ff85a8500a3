/** The smallest agent: `node examples/docs/first-agent.ts` in an empty folder, with `holdfast` and `zod` installed. */
// #region whole
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { z } from "zod";

const orders = new Map([["42", "shipped on Monday"]]);

const lookUpOrder = defineTool()({
  name: "look_up_order",
  description: "Says where an order is.",
  inputSchema: z.object({ id: z.string() }),
  effect: "read",
  execute: ({ id }) => orders.get(id) ?? "There is no such order.",
});

const support = defineAgent({
  name: "support",
  // A script instead of a model, so that this runs without a key. A real one is a string:
  //   model: "anthropic/claude-sonnet-4-5"
  model: scriptedModel(({ toolResults: [found] }) =>
    found === undefined
      ? { toolCalls: [{ name: "look_up_order", input: { id: "42" } }] }
      : { text: `The tool says: ${JSON.stringify(found.output.value)}` },
  ),
  instructions: "Help customers with their orders. Look things up; never guess.",
  tools: [lookUpOrder],
});

await using runtime = await createRuntime({ agents: [support] });
const { output } = await runtime.run(support, "Where is order 42?");
console.log(output);
// #endregion whole
