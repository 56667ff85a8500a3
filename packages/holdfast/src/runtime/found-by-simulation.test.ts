import { describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
import { agentOf, recordingModel, toolOf } from "../testing/scenario.fixture.ts";

describe("what the simulation found", () => {
  it("S3 an input behind a suspended run waits, and the worker does not look for it without end", async () => {
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: () => {
        throw new TypeError("socket hang up");
      },
    });
    const model = recordingModel(() => ({ toolCalls: [{ name: "pay", input: { cents: 5 } }] }));
    let loads = 0;
    const test = await createTestRuntime({
      agents: [agentOf({ model, tools: [pay] })],
      faults: ({ operation }) => {
        if (operation === "load") loads += 1;
        // A worker that looks again and again would never let this test end.
        return loads > 1_000 ? { kind: "hang" } : null;
      },
    });
    const session = await test.runtime.createSession("clerk");
    await session.send("first");
    await test.advanceTime(60_000);
    await session.send("second");
    await test.advanceTime(60_000);
    expect(loads).toBeLessThan(20);
    const { status, queuedRuns } = await session.snapshot();
    expect([status, queuedRuns.length]).toEqual(["suspended", 1]);
    await test.close();
  });
});
