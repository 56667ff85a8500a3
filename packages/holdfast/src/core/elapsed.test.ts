import { describe, expect, test } from "vitest";
import { elapsedBeforeRun, elapsedIn, elapsedText } from "./elapsed.ts";
import type { JsonObject } from "./json.ts";
import { EMPTY_STATE } from "./session-state.ts";

const DAY = 86_400_000;
const queued = (at: number) => [
  { runId: "r", acceptedAt: 9, at, chars: 1, limits: null, joins: null, calledBy: null },
];

describe("the time that has passed before a run", () => {
  test("is that between the end of the conversation and the input, from a day on", () => {
    const before = (endedAt: number | null, at: number) =>
      elapsedBeforeRun({ ...EMPTY_STATE, endedAt, queue: queued(at) });
    expect(before(null, 9 * DAY)).toBeNull();
    expect(before(1, DAY)).toBeNull();
    expect(before(0, DAY)).toEqual({ from: 0, to: DAY, days: 1 });
    expect(before(1, 3 * DAY)).toEqual({ from: 1, to: 3 * DAY, days: 2 });
    expect(before(9 * DAY, DAY)).toBeNull();
    expect(elapsedBeforeRun({ ...EMPTY_STATE, endedAt: 0 })).toBeNull();
  });

  test("is told to the minute, in one line", () => {
    expect(elapsedText({ from: "2025-11-30T09:30:59.999Z", to: "2025-12-01T10:00:00.000Z", days: 1 })).toBe(
      "[Time has passed: what follows is said at 2025-12-01T10:00Z. The conversation before it ended at 2025-11-30T09:30Z, 1 day earlier.]",
    );
  });

  test("J4 is nothing where it was erased, or is not what was journaled", () => {
    const told = { from: "2025-11-30T09:30:59.999Z", to: "2025-12-01T10:00:00.000Z", days: 1 };
    const payloads: readonly (JsonObject | null)[] = [
      null,
      {},
      { elapsed: null },
      { elapsed: [1, 2] },
      { elapsed: { ...told, from: 1 } },
      { elapsed: { ...told, days: "1" } },
    ];
    expect(payloads.map(elapsedIn)).toEqual(payloads.map(() => null));
    expect(elapsedIn({ elapsed: told })).toEqual(told);
  });
});
