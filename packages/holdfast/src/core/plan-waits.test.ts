import { describe, expect, test } from "vitest";
import type { Effect } from "./effect.ts";
import {
  answered,
  append,
  appendAt,
  callId,
  callingModel,
  callingTools,
  failing,
  header,
  openRun,
  policy,
  ready,
  START,
  type Journal,
} from "./journal-builder.fixture.ts";
import { MAX_TAKEOVERS, plan } from "./plan.ts";
import { LONGEST_HELD_WAIT_MS } from "./retry-policy.ts";
import { VERIFY_GRACE_MS } from "./settle-tool-call.ts";
import { wakeTime, type Wait } from "./wait.ts";

const MAX_DURATION_MS = 600_000;
/** The run of the usual story starts with its third event. */
const DEADLINE = START + 2_000 + MAX_DURATION_MS;

const shape = (effects: readonly Effect[]): readonly string[] =>
  effects.map((effect) => (effect.kind === "record" ? effect.draft.header.type : effect.kind));

const waitingFor = (effects: readonly Effect[]): readonly Wait[] | undefined => {
  const [effect] = effects;
  if (effect?.kind !== "record" || effect.draft.header.type !== "run.suspended") return undefined;
  return effect.draft.header.waitingFor;
};

const write = policy("write");
const read = policy("read");
const verifiable = policy("write", { canVerify: true });

/** A model call that failed and is due again at this time. */
const retryAt = (dueAt: number): Journal =>
  append(callingModel(), header("model-call.failed", { next: { kind: "retry", dueAt } }));

const asking = (...policies: readonly ReturnType<typeof policy>[]): Journal =>
  append(
    callingTools(policies),
    ...policies.flatMap((_, index) => [
      header("tool-call.started", { callId: callId(index) }),
      header("tool-call.unknown", { callId: callId(index) }),
    ]),
  );

describe("a wait for time", () => {
  test("E7: is held when it is short, suspended when it is long", () => {
    const { state } = retryAt(START + 100_000);
    const edge = START + 100_000 - LONGEST_HELD_WAIT_MS;
    expect(plan(state, edge)).toEqual([{ kind: "wait-until", at: START + 100_000 }]);
    expect(waitingFor(plan(state, edge - 1))).toEqual([{ kind: "retry", until: START + 100_000 }]);
    expect(shape(plan(state, START + 100_000))).toEqual(["call-model", "wait-until"]);
  });

  test("E7: is waited out when it is suspended, then resumed by time", () => {
    const story = retryAt(START + 100_000);
    const suspended = append(
      story,
      header("run.suspended", { waitingFor: [{ kind: "retry", until: START + 100_000 }] }),
    );
    expect(plan(suspended.state, START + 50_000)).toEqual([{ kind: "wait-until", at: START + 100_000 }]);
    // Once suspended it stays so to the end: a short rest of a long wait is not held.
    expect(plan(suspended.state, START + 99_999)).toEqual([{ kind: "wait-until", at: START + 100_000 }]);
    const [resumed] = plan(suspended.state, START + 100_000);
    expect(resumed).toMatchObject({ kind: "record", draft: { header: { type: "run.resumed", by: "time" } } });
  });

  test("E6: ends at the run's deadline when that comes first", () => {
    const { state } = retryAt(DEADLINE + 1_000);
    expect(plan(state, DEADLINE - 1_000)).toEqual([{ kind: "wait-until", at: DEADLINE }]);
    expect(shape(plan(state, DEADLINE))).toEqual(["run.expired"]);
  });

  test("E6: is not cut short by the deadline while it is suspended, for that time does not count", () => {
    const until = DEADLINE + 90_000;
    const suspended = append(
      retryAt(until),
      header("run.suspended", { waitingFor: [{ kind: "retry", until }] }),
    );
    expect(plan(suspended.state, until - 1_000)).toEqual([{ kind: "wait-until", at: until }]);
  });

  test("is not looked at while something else is in flight", () => {
    const busy = append(
      callingTools([read, read]),
      header("tool-call.started"),
      header("tool-call.failed", { next: { kind: "retry", dueAt: START + 200_000 } }),
      header("tool-call.started", { callId: callId(1) }),
    );
    expect(plan(busy.state, START + 10_000)).toEqual([{ kind: "wait-until", at: START + 200_000 }]);
  });
});

describe("a wait for somebody", () => {
  test("E2: suspends until a person says what became of the call", () => {
    const { state } = asking(write);
    expect(waitingFor(plan(state, START + 10_000))).toEqual([{ kind: "resolution", callId: callId(0) }]);
    const suspended = append(
      asking(write),
      header("run.suspended", { waitingFor: [{ kind: "resolution", callId: callId(0) }] }),
    );
    expect(plan(suspended.state, START + 99_999_999)).toEqual([]);
  });

  test("E2: is resumed by the signal that answers it", () => {
    const suspended = append(
      asking(write),
      header("run.suspended", { waitingFor: [{ kind: "resolution", callId: callId(0) }] }),
      header("tool-call.resolved"),
    );
    const [resumed] = plan(suspended.state, START + 20_000);
    expect(resumed).toMatchObject({
      kind: "record",
      draft: { header: { type: "run.resumed", by: "signal" } },
    });
  });

  test("is said anew when what is waited for has changed", () => {
    const waits = [0, 1].map((index) => ({ kind: "resolution", callId: callId(index) }) as const);
    const both = append(asking(write, write), header("run.suspended", { waitingFor: waits }));
    expect(plan(both.state, START + 50_000)).toEqual([]);
    const one = append(both, header("tool-call.resolved"));
    expect(waitingFor(plan(one.state, START + 50_000))).toEqual([{ kind: "resolution", callId: callId(1) }]);
  });

  test("is joined by a wait for time: whichever comes first wakes the run", () => {
    const story = append(
      asking(write, verifiable),
      header("tool-call.resolved", { callId: callId(1), as: "retry" }),
      header("tool-call.started", { callId: callId(1), attempt: 2 }),
      header("tool-call.unknown", {
        callId: callId(1),
        attempt: 2,
        next: { kind: "verify", notBefore: START + 80_000, tries: 0 },
      }),
    );
    const waits = waitingFor(plan(story.state, START + 20_000));
    expect(waits).toEqual([
      { kind: "resolution", callId: callId(0) },
      { kind: "verification", callId: callId(1), until: START + 80_000 },
    ]);
    const suspended = append(story, header("run.suspended", { waitingFor: waits ?? [] }));
    expect(plan(suspended.state, START + 20_000)).toEqual([{ kind: "wait-until", at: START + 80_000 }]);
    const later = append(
      story,
      header("run.suspended", { waitingFor: [waits?.[0] ?? { kind: "retry", until: 0 }] }),
    );
    expect(waitingFor(plan(later.state, START + 20_000))).toEqual(waits);
  });

  test("is said anew when it is another call that is waited for", () => {
    const wait = (index: number) => ({ kind: "resolution", callId: callId(index) }) as const;
    const both = append(asking(write, write), header("run.suspended", { waitingFor: [wait(0)] }));
    const one = append(both, header("tool-call.resolved"));
    expect(waitingFor(plan(one.state, START + 50_000))).toEqual([wait(1)]);
  });

  test("holds a wait for time that has another time now to be another wait", () => {
    const suspended = append(
      retryAt(START + 100_000),
      header("run.suspended", { waitingFor: [{ kind: "retry", until: START + 90_000 }] }),
    );
    expect(waitingFor(plan(suspended.state, START + 20_000))).toEqual([
      { kind: "retry", until: START + 100_000 },
    ]);
  });

  test.each([
    { kind: "operator", reason: "restored" } as const,
    { kind: "operator", reason: "poisoned" } as const,
    { kind: "definition", name: "refund" } as const,
  ])("S3: does nothing by itself while it is $kind that is waited for", (wait) => {
    const held = append(
      ready(),
      header("run.suspended", { waitingFor: [{ kind: "retry", until: 1 }, wait] }),
    );
    expect(plan(held.state, START + 99_999_999)).toEqual([]);
  });
});

describe("holders lost in a row", () => {
  const lost = (times: number): Journal =>
    append(callingModel(), ...Array.from({ length: times }, () => header("session.recovered")));

  test("suspend the run as poisoned when there are too many, until an operator has looked", () => {
    expect(shape(plan(lost(MAX_TAKEOVERS - 1).state, START + 20_000))).toEqual(["model-call.failed"]);
    const poisoned = lost(MAX_TAKEOVERS);
    expect(waitingFor(plan(poisoned.state, START + 20_000))).toEqual([
      { kind: "operator", reason: "poisoned" },
    ]);
    const held = append(poisoned, header("run.suspended"));
    expect(plan(held.state, START + 20_000)).toEqual([]);
    const resumed = append(held, header("run.resumed", { by: "operator" }));
    expect(shape(plan(resumed.state, START + 20_000))).toEqual(["model-call.failed"]);
  });

  test("S3: suspend nothing while something is in flight all the same", () => {
    const story = append(
      callingTools([read, read]),
      ...Array.from({ length: MAX_TAKEOVERS }, () => header("session.recovered")),
      header("tool-call.started"),
    );
    expect(plan(story.state, START + 20_000)).toEqual([{ kind: "wait-until", at: DEADLINE }]);
  });

  test("E8: charge the lost model call by its estimate and repeat it at once", () => {
    const [effect] = plan(lost(1).state, START + 20_000);
    expect(effect).toMatchObject({
      kind: "record",
      draft: {
        header: {
          type: "model-call.failed",
          code: "MODEL_CALL_LOST",
          startedAt: 4,
          charge: { isEstimate: true },
          next: { kind: "retry", dueAt: START + 20_000 },
        },
      },
    });
  });
});

describe("tool calls", () => {
  test("E2: that were lost run again when they only read, and are asked about when they write", () => {
    const story = append(
      callingTools([read, policy("idempotent"), write, verifiable]),
      ...[0, 1, 2, 3].map((index) => header("tool-call.started", { callId: callId(index) })),
      header("session.recovered", { safeAt: START + 300_000 }),
    );
    const asked = plan(story.state, START + 20_000);
    expect(shape(asked)).toEqual(["tool-call.unknown", "tool-call.unknown"]);
    expect(asked.map((effect) => (effect.kind === "record" ? effect.draft.header : null))).toMatchObject([
      { callId: callId(2), code: "TOOL_CALL_LOST", next: { kind: "ask" } },
      {
        callId: callId(3),
        next: { kind: "verify", notBefore: START + 300_000 + VERIFY_GRACE_MS, tries: 0 },
      },
    ]);
    const told = append(
      story,
      ...asked.flatMap((effect) => (effect.kind === "record" ? [effect.draft.header] : [])),
    );
    expect(plan(told.state, START + 20_000).slice(0, 2)).toEqual([
      { kind: "call-tool", callId: callId(0), tool: "tool-0", attempt: 2 },
      { kind: "call-tool", callId: callId(1), tool: "tool-1", attempt: 2 },
    ]);
  });

  test("E2: that are lost are verified no earlier than the attempt could have ended", () => {
    const story = append(
      callingTools([verifiable]),
      header("tool-call.started"),
      header("session.recovered", { safeAt: START }),
    );
    const [effect] = plan(story.state, START + 20_000);
    expect(effect).toMatchObject({
      draft: { header: { next: { kind: "verify", notBefore: START + 100_000 + VERIFY_GRACE_MS } } },
    });
  });

  test("E2: are verified when their time has come, before others begin", () => {
    const story = append(
      callingTools([read, verifiable], { maxParallelCalls: 1 }),
      header("tool-call.started", { callId: callId(1) }),
      header("tool-call.unknown", {
        callId: callId(1),
        next: { kind: "verify", notBefore: START + 50_000, tries: 0 },
      }),
    );
    const early = plan(story.state, START + 49_999);
    expect(early).toEqual([
      { kind: "call-tool", callId: callId(0), tool: "tool-0", attempt: 1 },
      { kind: "wait-until", at: START + 50_000 },
    ]);
    expect(plan(story.state, START + 50_000)).toEqual([
      { kind: "verify-call", callId: callId(1), tool: "tool-1", attempt: 1 },
      { kind: "wait-until", at: DEADLINE },
    ]);
  });

  test("start as many at once as they may, and the next when one is done", () => {
    const three = callingTools([read, read, read], { maxParallelCalls: 2 });
    expect(shape(plan(three.state, START + 10_000))).toEqual(["call-tool", "call-tool", "wait-until"]);
    const one = append(three, header("tool-call.started"));
    expect(plan(one.state, START + 10_000)[0]).toMatchObject({ kind: "call-tool", callId: callId(1) });
    const two = append(one, header("tool-call.started", { callId: callId(1) }));
    expect(plan(two.state, START + 10_000)).toEqual([{ kind: "wait-until", at: DEADLINE }]);
  });
});

describe("the end of a run", () => {
  test("E6: comes with its deadline; time suspended does not count", () => {
    expect(shape(plan(callingModel().state, DEADLINE - 1))).toEqual(["wait-until"]);
    expect(shape(plan(callingModel().state, DEADLINE))).toEqual(["run.expired"]);
    const paused = appendAt(
      appendAt(ready(), START + 10_000, header("run.suspended")),
      START + 70_000,
      header("run.resumed"),
    );
    expect(shape(plan(paused.state, DEADLINE + 59_999))).toEqual(["call-model", "wait-until"]);
    expect(shape(plan(paused.state, DEADLINE + 60_000))).toEqual(["run.expired"]);
  });

  test("E6: does not throw away an answer that was there in time, nor hide a failure", () => {
    expect(shape(plan(answered().state, DEADLINE * 2))).toEqual(["run.completed"]);
    expect(plan(failing().state, DEADLINE * 2)).toMatchObject([
      { draft: { header: { type: "run.failed", code: "MODEL_UNAVAILABLE", causeAt: 5 } } },
    ]);
  });

  test("comes with its last turn", () => {
    const spent = append(
      callingTools([read], { maxTurns: 1 }),
      header("tool-call.started"),
      header("tool-call.completed"),
    );
    expect(plan(spent.state, START + 20_000)).toMatchObject([
      {
        draft: {
          header: {
            type: "run.failed",
            code: "RUN_MAX_TURNS",
            causeAt: null,
            totals: { turns: 1, toolCalls: 1 },
          },
        },
      },
    ]);
  });

  test("comes when the prompt is too long and nothing can be cut from it", () => {
    const overflow = append(callingModel(), header("model-call.failed", { next: { kind: "compact" } }));
    expect(plan(overflow.state, START + 20_000)).toMatchObject([
      { draft: { header: { type: "run.failed", code: "MODEL_CONTEXT_OVERFLOW" } } },
    ]);
  });

  test("tells what it came to", () => {
    expect(plan(answered().state, START + 12_000)).toMatchObject([
      {
        draft: {
          header: {
            type: "run.completed",
            answerAt: 5,
            durationMs: 10_000,
            totals: { turns: 1, spend: { knownCostUsd: 0.001 } },
          },
        },
      },
    ]);
  });
});

describe("a run that is being stopped", () => {
  const stop = (story: Journal): Journal => append(story, header("run.cancel-requested"));

  test("E5: is cancelled at once when nothing is in flight, and expires with its own code", () => {
    for (const story of [ready(), answered(), failing()]) {
      expect(shape(plan(stop(story).state, START + 20_000))).toEqual(["run.cancelled"]);
      expect(plan(append(story, header("run.expired")).state, START + 20_000)).toMatchObject([
        { draft: { header: { type: "run.failed", code: "RUN_TIMEOUT", causeAt: null } } },
      ]);
    }
  });

  test("E5: waits for what is in flight", () => {
    expect(plan(stop(callingModel()).state, START + 20_000)).toEqual([]);
    expect(
      plan(stop(append(callingTools([read]), header("tool-call.started"))).state, START + 20_000),
    ).toEqual([]);
  });

  test("E8: charges a lost model call and gives it up", () => {
    const [effect] = plan(append(stop(callingModel()), header("session.recovered")).state, START + 20_000);
    expect(effect).toMatchObject({
      draft: {
        header: { type: "model-call.failed", charge: { isEstimate: true }, next: { kind: "give-up" } },
      },
    });
  });

  test("E3, E5: closes every call that is not in flight, an unknown write as unknown", () => {
    const story = append(
      callingTools([read, read, read, write, write, write]),
      ...[1, 2, 3, 4].map((index) => header("tool-call.started", { callId: callId(index) })),
      header("tool-call.failed", { callId: callId(1), next: { kind: "retry", dueAt: START + 900_000 } }),
      header("tool-call.unknown", { callId: callId(4) }),
      header("session.recovered"),
      header("tool-call.started", { callId: callId(5) }),
    );
    const closings = plan(stop(story).state, START + 20_000).map((effect) => {
      const closing = effect.kind === "record" ? effect.draft.header : null;
      return closing !== null && "callId" in closing ? [closing.callId, closing.type] : [];
    });
    expect(closings).toEqual([
      [callId(0), "tool-call.failed"],
      [callId(1), "tool-call.failed"],
      [callId(2), "tool-call.failed"],
      [callId(3), "tool-call.unknown"],
      [callId(4), "tool-call.unknown"],
    ]);
  });

  test("lists the calls whose outcome nobody knows", () => {
    const story = append(
      stop(append(callingTools([write]), header("tool-call.started"))),
      header("tool-call.unknown", { next: { kind: "give-up" } }),
    );
    expect(plan(story.state, START + 20_000)).toMatchObject([
      { draft: { header: { type: "run.cancelled", unknown: [callId(0)] } } },
    ]);
  });
});

describe("a session", () => {
  test("starts its queued runs one after another", () => {
    const two = append(
      answered(),
      header("run.accepted", { runId: "run-2" }),
      header("run.accepted", { runId: "run-3" }),
    );
    const { state } = append(two, header("run.completed"));
    expect(plan(state, START)).toEqual([{ kind: "start-run", runId: "run-2", acceptedAt: 6 }]);
    expect(openRun(append(two).state).runId).toBe("run-1");
  });
});

describe("the time to wake", () => {
  test.each([
    ["nothing has a time", [{ kind: "resolution", callId: "c" }], null],
    ["there is nothing", [], null],
    [
      "several have one",
      [
        { kind: "retry", until: 9 },
        { kind: "resolution", callId: "c" },
        { kind: "retry", until: 5 },
        { kind: "retry", until: 7 },
      ],
      5,
    ],
  ] as const)("when %s", (_, waits, expected) => {
    expect(wakeTime(waits)).toBe(expected);
  });
});
