import { expect, it, onTestFinished } from "vitest";
import { defineAgent } from "../../runtime/index.ts";
import { createTestRuntime, scriptedModel } from "../../testing/index.ts";
import { CallNames } from "./call-names.ts";
import { describeEvent } from "./describe-event.ts";

it("says what a model was told beside an input, each in one line", async () => {
  const agent = defineAgent({
    name: "clerk",
    instructions: "Work.",
    model: scriptedModel(() => ({ text: "I see." })),
  });
  const test = await createTestRuntime({ agents: [agent] });
  onTestFinished(() => test.close());
  const session = await test.runtime.createSession(agent);
  await (await session.send("hello")).outcome();
  test.clock.jump(73 * 86_400_000);
  await (await session.send("and?", { promptAttributes: { note: "one\ntwo" } })).outcome();
  const lines: string[] = [];
  for await (const event of session.history())
    if (event.kind === "event" && (event.type === "run.accepted" || event.type === "run.started"))
      lines.push(describeEvent(event, new CallNames()));
  expect(lines).toEqual([
    '"hello"',
    "",
    String.raw`"and?", with {"note":"one\ntwo"}`,
    "73 days after the conversation before",
  ]);
});
