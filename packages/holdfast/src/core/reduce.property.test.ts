import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Choices } from "./choices.fixture.ts";
import { DrivenSession } from "./driven-session.fixture.ts";
import { JournalError } from "./errors.ts";
import type { EventHeader, JournalEvent } from "./event.ts";
import { auditJournal, KEPT_BY_PLAN } from "./journal-audit.fixture.ts";
import { openEvent } from "./journal-codec.ts";
import {
  compacted,
  answered,
  append,
  appendAt,
  callingModel,
  callingTools,
  charge,
  failing,
  foldAll,
  header,
  journalOf,
  openCall,
  openCalls,
  openRun,
  policy,
  ready,
  settings,
  START,
  SUMMARISER,
} from "./journal-builder.fixture.ts";
import { reduce } from "./reduce.ts";
import { EMPTY_STATE, sessionStatus, type SessionState } from "./session-state.ts";
import { NO_SPEND } from "./usage.ts";
import { POLICIES, wildJournal } from "./wild-journal.fixture.ts";
import { planCompaction } from "./window.ts";

const numRuns = 200;
const tape = fc.array(fc.noBias(fc.nat()), { minLength: 1, maxLength: 150 });

const wild = tape.map((numbers) => wildJournal(new Choices(numbers), 80).events);
const driven = fc
  .record({ tape, disturbances: fc.nat({ max: 12 }), isSummedUp: fc.boolean() })
  .map(({ tape: numbers, disturbances, isSummedUp }) => {
    const world = {
      settings: isSummedUp
        ? settings({ maxWindowChars: 6_500, maxParallelCalls: 2, summary: SUMMARISER })
        : settings({ maxWindowChars: 1_500, maxParallelCalls: 2 }),
      policies: POLICIES,
      disturbances,
    };
    const session = new DrivenSession(world, new Choices(numbers));
    session.drive();
    return session.events;
  });
/** Journals that the plan wrote, and journals of whatever the fold lets through. */
const journal: fc.Arbitrary<readonly JournalEvent[]> = fc.oneof(wild, driven);

const holds = (check: (events: readonly JournalEvent[]) => void): void => {
  fc.assert(fc.property(journal, check), { numRuns });
};

const statesOf = (events: readonly JournalEvent[]): readonly SessionState[] => {
  const states: SessionState[] = [EMPTY_STATE];
  for (const event of events) states.push(reduce(states.at(-1) ?? EMPTY_STATE, event));
  return states;
};

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "nothing was thrown";
  } catch (thrown) {
    return thrown instanceof JournalError ? thrown.code : String(thrown);
  }
};

describe("the fold of any legal journal", () => {
  test("J3: is the same every time, and changes nothing it is given", () => {
    holds((events) => {
      const before = structuredClone(events);
      expect(foldAll(events)).toEqual(foldAll(events));
      expect(events).toEqual(before);
    });
  });

  test("J3: is the same from a snapshot and the tail as from the beginning", () => {
    fc.assert(
      fc.property(journal, fc.nat(), (events, where) => {
        const cut = where % (events.length + 1);
        const snapshot: SessionState = JSON.parse(JSON.stringify(foldAll(events.slice(0, cut))));
        expect(foldAll(events.slice(cut), snapshot)).toEqual(foldAll(events));
      }),
      { numRuns },
    );
  });

  test("J4: is the same when every payload is erased", () => {
    holds((events) => {
      const spoken = events.map((event) => ({ ...event, payload: { said: "something", chars: 9_999 } }));
      expect(foldAll(spoken)).toEqual(foldAll(events.map((event) => ({ ...event, payload: null }))));
    });
  });

  test("E5: knows when the last run ended that has part in the conversation", () => {
    const ends = new Set(["run.completed", "run.failed", "run.cancelled"]);
    holds((events) => {
      const begun = new Set<string>();
      let endedAt: number | null = null;
      for (const { header, at } of events) {
        if (header.type === "run.started") begun.add(header.runId);
        if (header.type === "run.rolled-back") begun.delete(header.runId);
        if (ends.has(header.type) && "runId" in header && begun.has(header.runId)) endedAt = at;
      }
      expect(foldAll(events).endedAt).toBe(endedAt);
    });
  });

  test("S6: is the same when newer writers add members to headers", () => {
    holds((events) => {
      const newer = events.map((event) => ({
        ...event,
        header: { ...event.header, laterMember: { deep: [1] } },
      }));
      expect(foldAll(newer)).toEqual(foldAll(events));
    });
  });

  test("S6: stops at an event type it does not know, wherever it stands", () => {
    fc.assert(
      fc.property(journal, fc.nat(), (events, where) => {
        const cut = where % (events.length + 1);
        const state = foldAll(events.slice(0, cut));
        const stored = {
          position: state.position + 1,
          header: JSON.stringify({
            v: 1,
            position: state.position + 1,
            at: 1,
            epoch: 1,
            content: null,
            type: "run.dreamt",
          }),
          payload: null,
          salt: null,
          hash: new Uint8Array(32),
        };
        expect(codeOf(() => openEvent(stored))).toBe("JOURNAL_INVALID");
      }),
      { numRuns },
    );
  });

  test("J3: refuses any event that is repeated, left out or out of order", () => {
    fc.assert(
      fc.property(journal, fc.nat(), (events, where) => {
        const at = where % events.length;
        const [event] = events.slice(at, at + 1);
        if (event === undefined) return;
        const state = foldAll(events.slice(0, at + 1));
        expect(codeOf(() => reduce(state, event))).toBe("JOURNAL_INVALID");
        expect(codeOf(() => reduce(state, { ...event, position: event.position + 2 }))).toBe(
          "JOURNAL_INVALID",
        );
      }),
      { numRuns },
    );
  });

  test("E1, E2, E3, E5: keeps the promises by itself, whatever the plan might ask", () => {
    fc.assert(
      fc.property(wild, (events) => {
        expect(auditJournal(events).filter((broken) => !KEPT_BY_PLAN.has(broken))).toEqual([]);
      }),
      { numRuns: numRuns * 5 },
    );
  });
});

describe("the state", () => {
  test("knows where it is and adds up its window", () => {
    holds((events) => {
      for (const [position, state] of statesOf(events).entries()) {
        expect(state.position).toBe(position);
        expect(state.windowChars).toBe(state.window.reduce((sum, entry) => sum + entry.chars, 0));
        // An input may have been accepted long before its run began: the window is in the order of the talk.
        const said = state.window
          .filter(({ kind }) => kind !== "input" && kind !== "steer" && kind !== "summary")
          .map((entry) => entry.at);
        expect(said).toEqual(said.toSorted((left, right) => left - right));
        expect(new Set(state.window.map((entry) => entry.at)).size).toBe(state.window.length);
      }
    });
  });

  test("has the status that listings show", () => {
    holds((events) => {
      for (const state of statesOf(events)) {
        const status = sessionStatus(state);
        expect(status === "running" || status === "suspended").toBe(state.run !== null);
        if (state.run !== null) expect(status === "suspended").toBe(state.run.suspended !== null);
        if (state.run === null && state.queue.length > 0) expect(status).toBe("pending");
        if (state.run === null && state.queue.length === 0)
          expect(status).toBe(state.lastRun?.status ?? "pending");
      }
    });
  });

  test("E5: is never suspended and stopping at once", () => {
    holds((events) => {
      for (const { run } of statesOf(events))
        expect(run?.stopping !== null && run?.suspended !== null).toBe(run === null);
    });
  });

  test("E3: holds open calls only, each of the last answer, and leaves the phase with the last of them", () => {
    holds((events) => {
      for (const { run } of statesOf(events)) {
        if (run?.phase.kind !== "calling-tools") continue;
        expect(run.phase.calls.length).toBeGreaterThan(0);
        expect(new Set(run.phase.calls.map((call) => call.callId)).size).toBe(run.phase.calls.length);
      }
    });
  });

  test("does not grow with the turns that are closed", () => {
    const sizeAfter = (turns: number): number => {
      let story = ready({ maxTurns: 10_000, maxWindowChars: 400 });
      for (let turn = 1; turn <= turns; turn += 1) {
        const compaction = planCompaction(story.state);
        if (compaction !== null) story = append(story, compacted(compaction));
        const startedAt = story.state.position + 1;
        const call = { callId: `call_${startedAt}_0`, tool: "tool", policy: policy("read") };
        story = append(
          story,
          header("model-call.started", { turn }),
          header("model-call.completed", { startedAt, finish: "tool-calls", calls: [call] }),
          header("tool-call.started", { callId: call.callId }),
          header("tool-call.completed", { callId: call.callId }),
        );
      }
      return JSON.stringify(story.state).length;
    };
    expect(sizeAfter(400)).toBeLessThan(sizeAfter(40) * 1.2);
  });
});

describe("a compaction", () => {
  test("bounds the window as far as whole turns allow", () => {
    fc.assert(
      fc.property(driven, (events) => {
        for (const [index, state] of statesOf(events).entries()) {
          if (events[index - 1]?.header.type !== "context.compacted" || state.run === null) continue;
          const isFit = state.windowChars <= state.run.settings.maxWindowChars;
          expect(isFit || planCompaction(state) === null).toBe(true);
          expect(state.window.some((entry) => entry.at === state.run?.inputAt)).toBe(true);
          expect(state.window.find(({ kind }) => kind !== "summary")?.kind).toBe("input");
        }
      }),
      { numRuns },
    );
  });
});

describe("a run", () => {
  const phaseAfter = (more: Parameters<typeof header<"model-call.completed">>[1]): string => {
    const { phase } = openRun(
      append(callingModel({ maxOutputRepairs: 1 }), header("model-call.completed", more)).state,
    );
    return phase.kind === "failing" ? phase.code : phase.kind;
  };

  test.each([
    ["answered", "answered", {}],
    ["answered though cut short", "answered", { finish: "length" as const }],
    ["refused with nothing said", "MODEL_REFUSED", { finish: "content-filter" as const, chars: 0 }],
    ["filtered with something said", "answered", { finish: "content-filter" as const, chars: 3 }],
    ["asking for tools", "calling-tools", { calls: [{ callId: "c", tool: "t", policy: policy("read") }] }],
    ["answered in a shape that does not fit, once", "ready", { output: "invalid" as const }],
    ["answered in a shape that fits", "answered", { output: "valid" as const }],
  ])("that is %s goes on as %s", (_, expected, more) => {
    expect(phaseAfter(more)).toBe(expected);
  });

  test("fails when its answer does not fit once more than is repaired", () => {
    const repaired = append(
      callingModel({ maxOutputRepairs: 1 }),
      header("model-call.completed", { output: "invalid" }),
      header("model-call.started", { turn: 2 }),
      header("model-call.completed", { startedAt: 6, output: "invalid" }),
    );
    expect(openRun(repaired.state).phase).toMatchObject({
      kind: "failing",
      code: "OUTPUT_INVALID",
      causeAt: 7,
    });
    expect(openRun(repaired.state).outputRepairs).toBe(2);
  });

  test("counts its turns, calls, retries and spend", () => {
    const story = append(
      callingModel(),
      header("model-call.failed", { next: { kind: "retry", dueAt: START } }),
      header("model-call.started", { attempt: 2 }),
      header("model-call.completed", {
        startedAt: 6,
        calls: [{ callId: "c", tool: "t", policy: policy("read") }],
        charge: charge({ costUsd: null }),
      }),
      header("tool-call.started", { callId: "c" }),
      header("tool-call.failed", { callId: "c", next: { kind: "retry", dueAt: START } }),
    );
    const run = openRun(story.state);
    expect(run).toMatchObject({ turn: 1, toolCalls: 1, retries: 2 });
    expect(run.spend).toMatchObject({ knownCostUsd: 0.001, unpricedCalls: 1, estimatedCalls: 0 });
    expect(run.spend.usage.inputTokens).toBe(20);
    expect(openRun(ready().state).spend).toEqual(NO_SPEND);
  });

  test("stays with the candidate that answered last", () => {
    const story = append(
      callingModel(),
      header("model-call.failed", { next: { kind: "fallback", candidate: 1 } }),
      header("model-call.started", { candidate: 1 }),
      header("model-call.completed", {
        startedAt: 6,
        calls: [{ callId: "c", tool: null, policy: policy("write") }],
      }),
      header("tool-call.failed", { callId: "c", attempt: 0 }),
    );
    expect(openRun(story.state)).toMatchObject({
      candidate: 1,
      phase: { kind: "ready", turn: 2, attempt: 1, candidate: 1 },
    });
  });

  test("spends no attempt on a model call lost with its holder", () => {
    const after = (code: "MODEL_CALL_LOST" | "MODEL_UNAVAILABLE"): unknown =>
      openRun(
        append(callingModel(), header("model-call.failed", { code, next: { kind: "retry", dueAt: START } }))
          .state,
      ).phase;
    expect(after("MODEL_CALL_LOST")).toMatchObject({ kind: "ready", attempt: 1 });
    expect(after("MODEL_UNAVAILABLE")).toMatchObject({ kind: "ready", attempt: 2 });
  });

  test("asks for a shorter window when the provider says the prompt is too long, and only until it is cut", () => {
    const overflow = append(
      append(answered(), header("run.completed")),
      header("run.accepted", { runId: "run-2" }),
      header("run.started", { runId: "run-2" }),
      header("model-call.started", { runId: "run-2" }),
      header("model-call.failed", { runId: "run-2", startedAt: 9, next: { kind: "compact" } }),
    );
    expect(openRun(overflow.state)).toMatchObject({
      mustCompact: true,
      phase: { kind: "ready", attempt: 2 },
    });
    const compaction = planCompaction(overflow.state) ?? { dropped: 0, shortened: [] };
    const cut = append(overflow, compacted(compaction));
    expect(openRun(cut.state).mustCompact).toBe(false);
    expect(cut.state.window.map((entry) => entry.kind)).toEqual(["input"]);
  });

  test("does not count suspended time, also when what it waits for changes meanwhile", () => {
    const story = ready();
    const waits = (name: string) => header("run.suspended", { waitingFor: [{ kind: "definition", name }] });
    const again = appendAt(appendAt(story, START + 10_000, waits("a")), START + 30_000, waits("b"));
    expect(openRun(again.state).suspended).toEqual({
      since: START + 10_000,
      waitingFor: [{ kind: "definition", name: "b" }],
    });
    for (const end of [header("run.resumed"), header("run.cancel-requested"), header("run.expired")]) {
      const ended = openRun(appendAt(again, START + 70_000, end).state);
      expect(ended).toMatchObject({ suspended: null, suspendedMs: 60_000 });
    }
  });

  test("lists the calls that were given up without knowing their outcome", () => {
    const story = append(
      callingTools([policy("write")]),
      header("tool-call.started"),
      header("run.cancel-requested"),
      header("tool-call.unknown", { next: { kind: "give-up" } }),
    );
    expect(openRun(story.state).unknown).toEqual(["call_4_0"]);
  });

  test.each([
    ["run.completed", answered(), "completed"],
    ["run.failed", failing(), "failed"],
    ["run.cancelled", append(ready(), header("run.cancel-requested")), "cancelled"],
  ] as const)("that ends with %s leaves its status behind", (type, story, status) => {
    const { state } = append(story, header(type));
    expect(state.run).toBeNull();
    expect(state.lastRun).toEqual({ runId: "run-1", status });
    expect(sessionStatus(state)).toBe(status);
  });

  test("that is queued and cancelled leaves the open one alone", () => {
    const { state } = append(
      callingModel(),
      header("run.accepted", { runId: "run-2" }),
      header("run.accepted", { runId: "run-3" }),
      header("run.cancelled", { runId: "run-2" }),
    );
    expect(state.run?.runId).toBe("run-1");
    expect(state.queue.map((queued) => queued.runId)).toEqual(["run-3"]);
    expect(state.runs).toBe(3);
  });

  test("finds its instructions where they were journaled", () => {
    expect(ready().state.instructionsAt).toBe(3);
    const again = append(
      answered(),
      header("run.completed"),
      header("run.accepted", { runId: "run-2" }),
      header("run.started", { runId: "run-2", instructionsAt: 3, digest: "d2" }),
    );
    expect(again.state).toMatchObject({ instructionsAt: 3, digest: "d2" });
  });
});

describe("a holder that is gone", () => {
  const recovered = (more: EventHeader = header("session.recovered")) => append(callingModel(), more, more);

  test("loses its model call and what its calls had begun", () => {
    expect(openRun(recovered().state).phase).toMatchObject({ kind: "calling-model", call: { isLost: true } });
    const tools = append(
      callingTools([policy("write"), policy("read")]),
      header("tool-call.started"),
      header("session.recovered", { safeAt: 77 }),
    );
    expect(openCall(tools.state, 0)).toMatchObject({
      lost: 1,
      status: { kind: "lost", safeAt: 77, notAfter: START + 100_000 },
    });
    expect(openCall(tools.state, 1)).toMatchObject({ lost: 0, status: { kind: "requested" } });
  });

  test("is counted until something is completed, an operator has spoken or the run has ended", () => {
    expect(recovered().state.takeovers).toBe(2);
    expect(recovered(header("session.restored", { safeAt: START })).state.takeovers).toBe(0);
    const lostTool = append(callingTools([policy("read"), policy("read")]), header("session.recovered"));
    const done = append(lostTool, header("tool-call.started"), header("tool-call.completed"));
    expect([lostTool.state.takeovers, done.state.takeovers]).toEqual([1, 0]);
    const failed = append(recovered(), header("model-call.failed"));
    expect([failed.state.takeovers, append(failed, header("run.failed")).state.takeovers]).toEqual([2, 0]);
    const answer = append(failed, header("session.recovered"));
    expect(answer.state.takeovers).toBe(3);
    for (const [by, left] of [
      ["operator", 0],
      ["time", 2],
      ["signal", 2],
      ["definition", 2],
    ] as const) {
      const resumed = append(recovered(), header("run.suspended"), header("run.resumed", { by }));
      expect([by, resumed.state.takeovers]).toEqual([by, left]);
    }
  });

  test("is not held against a run that was not open", () => {
    const idle = journalOf(
      header("session.created"),
      header("session.recovered"),
      header("session.recovered"),
    );
    const queuedEnds = append(
      recovered(),
      header("run.accepted", { runId: "run-2" }),
      header("run.cancelled", { runId: "run-2" }),
    );
    expect([idle.state.takeovers, queuedEnds.state.takeovers]).toEqual([0, 2]);
  });
});

describe("a tool call", () => {
  test("E3: leaves the state with its result, whichever it is", () => {
    const ends = [
      header("tool-call.completed"),
      header("tool-call.failed"),
      header("tool-call.unknown", { next: { kind: "give-up" } }),
    ];
    for (const end of ends) {
      const story = append(callingTools([policy("write"), policy("read")]), header("tool-call.started"), end);
      expect(openCalls(story.state).map((call) => call.callId)).toEqual(["call_4_1"]);
      expect(story.state.window.at(-1)).toMatchObject({ kind: "result", at: 7 });
    }
  });

  test.each([
    [
      "retried",
      header("tool-call.failed", { next: { kind: "retry", dueAt: 7 } }),
      { kind: "retrying", dueAt: 7 },
    ],
    ["asked about", header("tool-call.unknown"), { kind: "unknown", next: { kind: "ask" } }],
  ] as const)("stays open while it is %s, without a result", (_, event, status) => {
    const story = append(callingTools([policy("write")]), header("tool-call.started"), event);
    expect(openCall(story.state).status).toEqual(status);
    expect(story.state.window.some((entry) => entry.kind === "result")).toBe(false);
  });

  test("E2: that did not take place may be started again, one that nobody can tell of may not", () => {
    const next = { kind: "verify", notBefore: 0, tries: 0 } as const;
    const checked = append(
      callingTools([policy("write")]),
      header("tool-call.started"),
      header("tool-call.unknown", { next }),
    );
    const notDone = append(checked, header("tool-call.verified"));
    expect(openCall(notDone.state).status).toEqual({ kind: "retrying", dueAt: notDone.state.at });
    expect(openRun(notDone.state).retries).toBe(1);
    const unclear = append(checked, header("tool-call.verified", { status: "unknown" }));
    expect(openCall(unclear.state).status).toEqual({ kind: "unknown", next: { kind: "ask" } });
    const sentBack = append(unclear, header("tool-call.resolved", { as: "retry" }));
    expect(openCall(sentBack.state)).toMatchObject({ attempt: 1, status: { kind: "requested" } });
  });

  test("E5: that comes late changes nothing but the position", () => {
    const before = callingTools([policy("read")]);
    const { state } = append(before, header("tool-call.late"));
    expect(state).toEqual({ ...before.state, position: state.position, at: state.at });
  });
});
