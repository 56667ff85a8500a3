// An agent as a user writes one, for the smoke run of the packed package: it answers with what it was told.
import { defineAgent } from "holdfast";
import { scriptedModel } from "holdfast/testing";

export const agent = defineAgent({
  name: "echo",
  model: scriptedModel((turn) => ({ text: `You said: ${turn.lastUserText}` })),
  instructions: "Say what you were told.",
});
