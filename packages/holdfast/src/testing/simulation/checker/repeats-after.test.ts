import { describe, expect, it } from "vitest";
import { header } from "../../../core/journal-builder.fixture.ts";
import { undoIdOf } from "../../../core/undo-terms.ts";
import { repeatsAfter } from "./repeats-after.ts";

describe("how often the same has come in a row", () => {
  it("E8 is what the last result says", () => {
    expect(repeatsAfter(header("tool-call.completed", { repeats: 3 }), 2)).toBe(3);
    expect(repeatsAfter(header("tool-call.failed", { repeats: 3, next: { kind: "give-up" } }), 2)).toBe(3);
    expect(repeatsAfter(header("tool-call.failed", { next: { kind: "retry", dueAt: 1 } }), 2)).toBe(2);
    expect(repeatsAfter(header("tool-call.unknown", { next: { kind: "give-up" } }), 2)).toBe(0);
  });

  it("E8 E10 is not changed by what is undone", () => {
    const { callId } = header("tool-call.completed");
    const undone = header("tool-call.completed", { callId: undoIdOf(callId), repeats: 1 });
    expect(repeatsAfter(undone, 5)).toBe(5);
  });
});
