/** A process that runs schedules until it is killed: `node tests/kill/keep-schedules.ts DATA_DIR`. */
import { createRuntime, defineAgent } from "holdfast";
import { scriptedModel } from "holdfast/testing";

const [, , dataDir = ""] = process.argv;
const keeper = defineAgent({
  name: "keeper",
  instructions: "Note it.",
  model: scriptedModel(() => ({ text: "Noted." })),
});
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
await createRuntime({ agents: [keeper], dataDir, logger: quiet });
process.stdout.write("ready\n");
