/** The nightly schedule of the documents, through a night in which the clocks change. */
import { describe, expect, test } from "vitest";
import { createTestRuntime, scriptedModel } from "holdfast/testing";
import { createPayments } from "./payments.ts";
import { lookAfter, planNightly } from "./nightly.ts";
import { defineSupport } from "./support.ts";

const HOUR = 3_600_000;

describe("docs/schedules.md", () => {
  test("the nightly schedule runs once a night, also where clocks go back", async () => {
    const agent = defineSupport(scriptedModel(({ lastUserText }) => ({ text: `Seen: ${lastUserText}` })));
    const deps = { payments: createPayments() };
    // Friday noon; clocks go back in the night to Sunday.
    const test = await createTestRuntime({ agents: [agent], deps, now: Date.UTC(2026, 9, 23, 12) });
    await planNightly(test.runtime, agent);
    await planNightly(test.runtime, agent);
    await test.advanceTime(3 * 24 * HOUR);
    const session = await test.runtime.createSession(agent, { key: "night-watch", tenant: "acme" });
    const events = await Array.fromAsync(session.history());
    const runs = events.flatMap((event) =>
      event.kind === "event" && event.type === "run.accepted" ? [event] : [],
    );
    expect(runs.map(({ at }) => new Date(at).toISOString().slice(0, 16))).toEqual([
      "2026-10-24T00:30",
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ]);
    const runId = await lookAfter(test.runtime);
    await test.advanceTime(1_000);
    const run = await test.runtime.getRun(runId);
    expect(await run.outcome()).toMatchObject({
      status: "completed",
      text: expect.stringContaining("Look over"),
    });
    await test.close();
  });
});
