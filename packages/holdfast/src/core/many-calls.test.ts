import { describe, expect, it } from "vitest";
import {
  callId,
  callingTools,
  eventAfter,
  header,
  openCalls,
  openRun,
  policy,
} from "./journal-builder.fixture.ts";
import { plan } from "./plan.ts";
import { reduce } from "./reduce.ts";
import type { OpenCall, SessionState } from "./session-state.ts";

/** An answer that asks for thousands of calls must not make each of them cost thousands of steps. */

type Counted = { readonly state: SessionState; readonly reads: () => number };

/** The state with its open calls replaced by ones that count how often they are looked at. */
const counting = (state: SessionState): Counted => {
  let reads = 0;
  const run = openRun(state);
  const calls = openCalls(state).map((call): OpenCall => ({
    ...call,
    get callId() {
      reads += 1;
      return call.callId;
    },
    get status() {
      reads += 1;
      return call.status;
    },
  }));
  const phase = { kind: "calling-tools", answerAt: 5, calls } as const;
  return { state: { ...state, run: { ...run, phase } }, reads: () => reads };
};

const withCalls = (count: number): Counted =>
  counting(callingTools(Array.from({ length: count }, () => policy("read"))).state);

const startAndFinishFirst = (state: SessionState): void => {
  const started = reduce(state, eventAfter(state, header("tool-call.started", { callId: callId(0) })));
  reduce(started, eventAfter(started, header("tool-call.completed", { callId: callId(0) })));
};

describe("an answer that asks for very many calls", () => {
  it("S3 folding one of them looks at as many as it does among few", () => {
    const readsAmong = (count: number): number => {
      const { state, reads } = withCalls(count);
      startAndFinishFirst(state);
      return reads();
    };
    expect(readsAmong(5_000)).toBe(readsAmong(20));
  });

  it("asks for those there is room for, and makes nothing of the others", () => {
    const { state, reads } = withCalls(5_000);
    const asked = plan(state, state.at).filter((effect) => effect.kind === "call-tool");
    expect(asked).toHaveLength(state.run?.settings.maxParallelCalls ?? 0);
    // Twice over the calls to see what is in flight and what waits, and no more.
    expect(reads()).toBeLessThan(5_000 * 3);
  });
});
