import { describe, expect, it } from "vitest";
import { append, eventAfter, header, ready } from "./journal-builder.fixture.ts";
import { reduce } from "./reduce.ts";
import type { SessionState, WindowEntry } from "./session-state.ts";
import { gaugeAfter, mostTokensOf, regauged, type TokenGauge } from "./token-gauge.ts";
import { planCompaction } from "./window.ts";

const GAUGE: TokenGauge = { model: "first/a", tokens: 20_000, chars: 80_000, entries: 3, perChar: 0.25 };

const windowOf = (...chars: readonly number[]): readonly WindowEntry[] =>
  chars.map((each, index) => ({ at: index + 2, chars: each, kind: index === 0 ? "input" : "answer" }));

/** An open run with this window, of which the gauge says how long it is. */
const stateWith = (window: readonly WindowEntry[], more: Partial<SessionState> = {}): SessionState => {
  const { state } = ready({ maxPromptTokens: 21_000, maxWindowChars: 1_000_000 });
  const windowChars = window.reduce((sum, { chars }) => sum + chars, 0);
  const run = state.run === null ? null : { ...state.run, acceptedAt: 2, inputAt: 2 };
  return { ...state, run, window, windowChars, gauge: GAUGE, ...more };
};

describe("the gauge of a window that was made shorter", () => {
  it("E6 takes all that comes afterwards for dense text, whatever went", () => {
    const after = regauged(stateWith(windowOf(10_000, 40_000, 30_000)), windowOf(10_000));
    const tokens = after?.tokens ?? 0;
    expect(tokens).toBeLessThan(GAUGE.tokens);
    // As much as went, and dense.
    const grown = { gauge: after, window: windowOf(10_000, 70_000), windowChars: 80_000 };
    expect(mostTokensOf(grown)).toBeGreaterThanOrEqual(tokens + 35_000);
  });

  it("E6 takes what went for the thinnest text, and what was not counted yet for what it was reckoned", () => {
    const before = stateWith(windowOf(10_000, 40_000, 30_000, 8_000));
    expect(regauged(before, windowOf(10_000, 40_000, 0, 8_000))?.tokens).toBe(
      mostTokensOf(before) - 30_000 * 0.15,
    );
    expect(regauged(before, windowOf(10_000, 40_000, 30_000))?.tokens).toBe(mostTokensOf(before) - 8_000 / 2);
    const summary: WindowEntry = { at: 99, chars: 2_000, kind: "summary" };
    expect(regauged(before, [summary, ...before.window])?.tokens).toBe(mostTokensOf(before) + 1_000);
  });

  it("E6 learns nothing of a character from what it reckoned itself", () => {
    const after = regauged(stateWith(windowOf(10_000, 40_000, 30_000)), windowOf(10_000));
    const usage = {
      inputTokens: 40_000,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 1,
      reasoningTokens: 0,
    };
    const charge = { usage, costUsd: null, isEstimate: false };
    const next = gaugeAfter(after, { chars: 11_000, entries: 2 }, { charge, provider: "first", model: "a" });
    expect(next).toEqual({ ...GAUGE, tokens: 40_000, chars: 11_000, entries: 2 });
  });

  it("E6 is set anew by a compaction and by a rollback", () => {
    const state = stateWith(windowOf(1_000, 40_000, 39_000));
    const cut = reduce(state, eventAfter(state, header("context.compacted", { dropped: 2 })));
    expect(cut.gauge).toMatchObject({ chars: 40_000, entries: 2, isReckoned: true });
    const { state: stopped } = append(
      { events: [], state },
      header("run.cancel-requested", { mode: "rollback" }),
      header("run.rolled-back"),
    );
    expect(stopped.gauge).toMatchObject({ chars: 0, entries: 0, isReckoned: true });
  });

  it("E6 says nothing of what an agent is told that sees none of it", () => {
    const { state } = append(
      { events: [], state: stateWith(windowOf(1_000, 79_000)) },
      header("run.handed-off", { history: "message", chars: 9 }),
    );
    expect(state.gauge).toBeNull();
  });
});

describe("what one model counted", () => {
  it("E6 is taken with a margin for another", () => {
    const state = stateWith(windowOf(1_000, 40_000, 39_000));
    expect(planCompaction(state)).toBeNull();
    expect(planCompaction({ ...state, gauge: { ...GAUGE, model: "other/a" } })).not.toBeNull();
  });
});
