/** A process that runs a tool in a process of its own, to be killed. */
import { scriptedModel } from "../models/index.ts";
import { createInMemoryStore } from "../stores/index.ts";
import { tools } from "./isolated-tools.fixture.ts";
import { createRuntime, createSystemClock, defineAgent, sha256 } from "./index.ts";

const [, , file = ""] = process.argv;
const clock = createSystemClock();
const model = scriptedModel([{ toolCalls: [{ name: "process_read_breed", input: { file } }] }]);
const agent = defineAgent({
  name: "clerk",
  instructions: "Work.",
  model,
  tools,
});
const runtime = await createRuntime({
  agents: [agent],
  clock,
  store: createInMemoryStore({ clock, sha256 }),
});
const session = await runtime.createSession(agent);
await session.send("go");
