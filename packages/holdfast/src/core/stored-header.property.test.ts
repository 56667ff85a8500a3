import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Choices } from "./choices.fixture.ts";
import type { EventHeader } from "./event.ts";
import { header } from "./journal-builder.fixture.ts";
import type { JsonObject } from "./json.ts";
import { fromStoredHeader, toStoredHeader } from "./stored-header.ts";
import { wildJournal } from "./wild-journal.fixture.ts";

const asStored = (whole: EventHeader): JsonObject => JSON.parse(JSON.stringify(toStoredHeader({}, whole)));

const tape = fc.array(fc.noBias(fc.nat()), { minLength: 1, maxLength: 150 });
const headers = tape.map((numbers) =>
  wildJournal(new Choices(numbers), 60).events.map((event) => event.header),
);

describe("a stored header", () => {
  test("J3: comes back as it was, whatever was left out of it", () => {
    fc.assert(
      fc.property(headers, (all) => {
        for (const whole of all) expect(fromStoredHeader(asStored(whole))).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  test("leaves out what is as usual, within lists and objects too", () => {
    const whole = header("model-call.completed");
    const usual = {
      timeoutMs: 30_000,
      canVerify: false,
      by: "runtime" as const,
      undo: null,
      retry: { maxAttempts: 3, initialDelayMs: 250, maxDelayMs: 30_000 },
    };
    const calls = [{ callId: "call_1_0", tool: "look", policy: { effect: "read", ...usual } }] as const;
    const charge = { usage: { ...whole.charge.usage, inputTokens: 0 }, costUsd: null, isEstimate: false };
    const stored = asStored({ ...whole, attempt: 1, output: "none", calls, charge });
    expect(stored).not.toHaveProperty("attempt");
    expect(stored).not.toHaveProperty("output");
    expect(stored["calls"]).toEqual([{ callId: "call_1_0", tool: "look", policy: { effect: "read" } }]);
    expect(stored["charge"]).not.toHaveProperty("costUsd");
    expect(stored["charge"]).not.toHaveProperty("usage.inputTokens");
  });

  test("keeps null and 0 apart: a price that is not known is not left out as one that is 0", () => {
    const whole = header("model-call.started");
    const free = { ...whole, estimate: { ...whole.estimate, costUsd: 0 } };
    expect(asStored(free)["estimate"]).toMatchObject({ costUsd: 0 });
    expect(fromStoredHeader(asStored(free))).toEqual(free);
  });

  test("S6: keeps members that newer writers added", () => {
    const stored = { ...asStored(header("tool-call.started")), extra: { deep: [1] } };
    expect(fromStoredHeader(stored)).toMatchObject({ extra: { deep: [1] }, attempt: 1 });
    const lists = { ...header("model-call.completed"), calls: [[{ usage: { inputTokens: 0 } }]] };
    const { usage } = header("model-call.started").estimate;
    expect(fromStoredHeader(asStored(lists as never))["calls"]).toEqual([
      [{ usage: { ...usage, inputTokens: 0, outputTokens: 0 } }],
    ]);
  });
});
