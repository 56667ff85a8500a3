import { createTestRuntime, scriptedModel } from "holdfast/testing";
import { expect, it } from "vitest";
import { createClerk, type Mail } from "./agent.ts";

const write = { toolCalls: [{ name: "send_mail", input: { to: "ada@example.com", text: "Hello" } }] };
const model = scriptedModel(({ toolResults }) => (toolResults.length === 0 ? write : { text: "Sent." }));

it("sends a mail once, also when the process dies in the middle of it", async () => {
  const sent: string[] = [];
  const send = async ({ key }: Mail) => {
    sent.push(key);
    dying.crashAfter(0); // nothing that this process does from here on is kept
  };
  const wasSent = async (key: string) => sent.includes(key);
  const clerk = createClerk(model);
  const dying = await createTestRuntime({ agents: [clerk], deps: { mailer: { send, wasSent } } });
  const session = await dying.runtime.createSession(clerk);
  const { id } = await session.send("Write to Ada");
  await dying.advanceTime(1_000);

  const next = await dying.restart();
  await next.advanceTime(60_000); // nobody waits: time is in the test's hands
  const run = await next.runtime.getRun(id);
  expect(await run.outcome()).toMatchObject({ status: "completed", output: "Sent." });
  expect(sent).toHaveLength(1);
  await next.close();
});
