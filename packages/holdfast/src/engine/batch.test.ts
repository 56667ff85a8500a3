import { describe, expect, it } from "vitest";
import { GENESIS_HASH } from "../core/hash-chain.ts";
import { EMPTY_STATE } from "../core/session-state.ts";
import { sha256 } from "../testing/conformance/session-script.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { Batch } from "./batch.ts";

const CREATED = {
  header: { type: "session.created", agent: "clerk", agentVersion: "1", digest: "d", parent: null },
  payload: null,
} as const;

describe("time in a batch", () => {
  it("E7 J3 does not go back between deciding and writing, whatever the clock does", () => {
    const clock = createManualClock();
    const batch = new Batch({ state: EMPTY_STATE, hash: GENESIS_HASH }, { sha256, clock, epoch: 1 });
    const decidedAt = batch.now();
    clock.jump(-60_000);
    expect(batch.now()).toBe(decidedAt);
    expect(batch.add(CREATED).at).toBe(decidedAt);
    clock.jump(61_000);
    expect(batch.now()).toBe(decidedAt + 1_000);
  });

  it("J3 does not begin before the last event", () => {
    const clock = createManualClock();
    const at = clock.now() + 5_000;
    const batch = new Batch(
      { state: { ...EMPTY_STATE, at }, hash: GENESIS_HASH },
      { sha256, clock, epoch: 1 },
    );
    expect(batch.now()).toBe(at);
  });
});
