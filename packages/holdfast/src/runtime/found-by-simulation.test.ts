import { describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
import { agentOf, recordingModel, toolOf, within } from "../testing/scenario.fixture.ts";

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

  it("J1 J2 a release whose answer was lost is a release: what comes after it is claimed anew", async () => {
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: () => {
        throw new TypeError("socket hang up");
      },
    });
    const twice = [0, 1].map((n) => ({ name: "pay", input: { n } }));
    const model = recordingModel(({ toolResults }) =>
      toolResults.length === 0 ? { toolCalls: twice } : isFirst ? { hang: true } : { text: "done" },
    );
    let isFirst = true;
    let lost = 0;
    const test = await createTestRuntime({
      agents: [agentOf({ model, tools: [pay] })],
      faults: ({ operation, commit }) => {
        // The store stays away for a moment after the release is stored.
        if (operation === "recover" && lost === 1) return { kind: "fail-before" };
        if (commit?.lease.kind !== "release" || commit.events.length > 0 || lost > 0) return null;
        lost += 1;
        return { kind: "fail-after" };
      },
    });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await test.advanceTime(60_000);
    const { openCalls } = await session.snapshot();
    expect(openCalls.map((call) => call.status)).toEqual(["unknown", "unknown"]);
    const [first, second] = openCalls.map((call) => call.callId);
    await session.resolveCall(first ?? "", { as: "failed" });
    await test.clock.settle();
    await session.resolveCall(second ?? "", { as: "failed" });
    lost = 2;
    await test.advanceTime(1_000);
    isFirst = false;
    const next = await test.restart();
    const again = await next.runtime.getRun(run.id);
    expect(await within(next, again.outcome(), 60_000)).toMatchObject({ status: "completed", text: "done" });
    await next.close();
  });

  it("E5 J6 a cancel heard of before its input, which another process posted, is not lost", async () => {
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "first" && !isDone ? { hang: true } : { text: "done" },
    );
    let isDone = false;
    const test = await createTestRuntime({
      agents: [agentOf({ model })],
      faults: ({ operation, call }) =>
        operation === "load" && call > 3 && !isDone ? { kind: "delay", ms: 100 } : null,
    });
    const session = await test.runtime.createSession("clerk");
    await session.send("first");
    await test.advanceTime(1_000);
    const other = test.store.attach();
    const input = { sessionId: session.id, kind: "input", dedupeKey: null, runId: "run_other" } as const;
    await other.post([{ ...input, body: JSON.stringify({ content: "second" }), blobs: [] }]);
    await session.cancelRun("run_other");
    await test.advanceTime(1_000);
    isDone = true;
    expect(await within(test, session.run("run_other").outcome(), 5_000)).toMatchObject({
      status: "cancelled",
    });
    await session.cancel();
    await test.advanceTime(1_000);
    await test.close();
  });
});
