import { describe, expect, it } from "vitest";
import type { AgentDefinition } from "./index.ts";
import { createTestRuntime } from "../testing/index.ts";
import { agentOf, makeDoor, recordingModel, toolOf, within } from "../testing/scenario.fixture.ts";

describe("what the reference model found", () => {
  it("E2 J2 what is to be verified in a moment is verified then, though its process died meanwhile", async () => {
    const verified: string[] = [];
    const agentIn = (process: string): AgentDefinition => {
      const pay = toolOf({
        name: "pay",
        effect: "write",
        timeoutMs: 10_000,
        execute: () => makeDoor().opened,
        verify: () => {
          verified.push(process);
          return { status: "done", output: "paid" };
        },
      });
      const model = recordingModel(({ toolResults }) =>
        toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "pay", input: {} }] },
      );
      return agentOf({ model, tools: [pay] });
    };
    const test = await createTestRuntime({ agents: [agentIn("first")] });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    // It times out after ten seconds, and is looked into one second later.
    await test.advanceTime(10_250);
    expect((await session.snapshot()).openCalls).toMatchObject([{ status: "unknown" }]);

    const next = await test.restart({ agents: [agentIn("next")] });
    await next.advanceTime(1_000);
    expect(verified).toContain("next");
    const found = await next.runtime.getRun(run.id);
    expect(await within(next, found.outcome(), 1_000)).toMatchObject({ status: "completed" });
    await next.close();
  });
});
