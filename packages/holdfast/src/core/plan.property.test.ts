import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Choices } from "./choices.fixture.ts";
import { DrivenSession, type Moment, type World } from "./driven-session.fixture.ts";
import type { Effect } from "./effect.ts";
import type { EventDraft } from "./event.ts";
import { auditJournal } from "./journal-audit.fixture.ts";
import { eventAfter, openCalls, policy, settings, SUMMARISER } from "./journal-builder.fixture.ts";
import { plan } from "./plan.ts";
import { reduce } from "./reduce.ts";
import { isInFlight, sessionStatus, type SessionState } from "./session-state.ts";
import { wildJournal } from "./wild-journal.fixture.ts";
import { planCompaction } from "./window.ts";

const numRuns = 400;
const tape = fc.array(fc.noBias(fc.nat()), { minLength: 1, maxLength: 150 });

const retry = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  initialDelayMs: fc.integer({ min: 0, max: 8_000 }),
  maxDelayMs: fc.integer({ min: 0, max: 60_000 }),
});

const toolPolicy = fc
  .record({
    effect: fc.constantFrom("read" as const, "idempotent" as const, "write" as const),
    timeoutMs: fc.integer({ min: 1, max: 60_000 }),
    retry,
    canVerify: fc.boolean(),
    by: fc.constantFrom("runtime" as const, "runtime" as const, "runtime" as const, "caller" as const),
  })
  .map((each) => policy(each.effect, each));

const world: fc.Arbitrary<World> = fc.record({
  settings: fc
    .record({
      maxTurns: fc.integer({ min: 1, max: 5 }),
      maxDurationMs: fc.oneof(fc.integer({ min: 1_000, max: 100_000 }), fc.constant(100_000_000)),
      maxParallelCalls: fc.integer({ min: 1, max: 3 }),
      maxOutputRepairs: fc.integer({ min: 0, max: 2 }),
      maxWindowChars: fc.integer({ min: 1, max: 2_000 }),
      modelRetry: retry,
    })
    .map(settings)
    .chain((each) => fc.constantFrom(each, { ...each, maxWindowChars: 6_500, summary: SUMMARISER })),
  policies: fc.tuple(toolPolicy, toolPolicy, toolPolicy),
  disturbances: fc.integer({ min: 0, max: 14 }),
});

/** Every event is folded on the way, so a draft that is not legal fails whichever property drives. */
const drive = (chosen: World, numbers: readonly number[]): DrivenSession => {
  const session = new DrivenSession(chosen, new Choices(numbers));
  expect(session.drive()).toBe(true);
  return session;
};

const holdsWhenDriven = (check: (session: DrivenSession) => void): void => {
  fc.assert(
    fc.property(world, tape, (chosen, numbers) => check(drive(chosen, numbers))),
    { numRuns },
  );
};

/** A moment the plan may be asked at: on a journal it wrote, and on any other that folds. */
const moments = fc.oneof(
  fc
    .record({ chosen: world, numbers: tape, early: fc.nat({ max: 60 }) })
    .map(({ chosen, numbers, early }) => {
      const session = new DrivenSession(chosen, new Choices(numbers));
      for (let steps = 0; steps < early && session.step(); steps += 1);
      return session.moments;
    }),
  fc
    .record({ numbers: tape, late: fc.nat({ max: 1_000_000 }) })
    .map(({ numbers, late }): readonly Moment[] => {
      const { state } = wildJournal(new Choices(numbers), 60);
      const now = state.at + late;
      return [{ state, now, effects: plan(state, now), inFlight: new Set() }];
    }),
);

const holdsAtEveryMoment = (check: (moment: Moment) => void): void => {
  fc.assert(
    fc.property(moments, (each) => each.forEach(check)),
    { numRuns },
  );
};

const drafts = (effects: readonly Effect[]): readonly EventDraft[] =>
  effects.flatMap((effect) => (effect.kind === "record" ? [effect.draft] : []));

const acts = (effects: readonly Effect[]): readonly Effect[] => effects.filter(({ kind }) => ACTS.has(kind));

const ACTS: ReadonlySet<Effect["kind"]> = new Set(["call-model", "call-summary", "call-tool", "verify-call"]);

const hasInFlight = ({ run }: SessionState): boolean => run !== null && isInFlight(run);

describe("a session that is driven by its plan", () => {
  test("comes to rest with every run settled or suspended for a reason", () => {
    holdsWhenDriven(({ state, events }) => {
      const started = events.flatMap(({ header }) => (header.type === "run.started" ? [header.runId] : []));
      const ended = events.flatMap(({ header }) =>
        header.type === "run.completed" || header.type === "run.failed" || header.type === "run.cancelled"
          ? [header.runId]
          : [],
      );
      expect(["completed", "failed", "cancelled"]).toContain(sessionStatus(state));
      expect(state.queue).toEqual([]);
      expect(started.filter((runId) => !ended.includes(runId))).toEqual([]);
    });
  });

  test("E1, E2, E3, E5, E7: keeps every promise that can be read from its journal", () => {
    holdsWhenDriven(({ events }) => {
      expect(auditJournal(events)).toEqual([]);
    });
  });

  test("E6: never goes on working after its deadline, time suspended apart", () => {
    holdsWhenDriven((session) => {
      for (const { state, now, effects } of session.moments) {
        const { run } = state;
        if (run === null || run.suspended !== null || acts(effects).length === 0) continue;
        expect(now - run.startedAt - run.suspendedMs).toBeLessThan(run.settings.maxDurationMs);
      }
    });
  });

  test("J3: comes to the same journal in the same world", () => {
    fc.assert(
      fc.property(world, tape, (chosen, numbers) => {
        expect(drive(chosen, numbers).events).toEqual(drive(chosen, numbers).events);
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  });
});

describe("the plan at any moment", () => {
  test("is the same every time, and changes nothing it is given", () => {
    holdsAtEveryMoment(({ state, now }) => {
      const before = structuredClone(state);
      expect(plan(state, now)).toEqual(plan(state, now));
      expect(state).toEqual(before);
    });
  });

  test("E1: asks only for calls that are open, not in flight, and for their next attempt", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      for (const effect of effects) {
        if (effect.kind !== "call-tool" && effect.kind !== "verify-call") continue;
        const call = openCalls(state).find((open) => open.callId === effect.callId);
        expect(call?.tool).toBe(effect.tool);
        expect(call?.status.kind).not.toBe("started");
        expect(effect.attempt).toBe((call?.attempt ?? 0) + (effect.kind === "call-tool" ? 1 : 0));
      }
      const asked = effects.flatMap((effect) => ("callId" in effect ? [effect.callId] : []));
      expect(new Set(asked).size).toBe(asked.length);
    });
  });

  test("E2: never asks to start a write that was lost, or whose outcome is unknown", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      for (const effect of effects) {
        if (effect.kind !== "call-tool") continue;
        const call = openCalls(state).find((open) => open.callId === effect.callId);
        expect(call?.status.kind).not.toBe("unknown");
        if (call?.policy.effect === "write") expect(call.status.kind).not.toBe("lost");
      }
    });
  });

  test("E4: asks to start only what needs no approval, or has it; what the caller runs, never", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      for (const effect of effects) {
        if (effect.kind !== "call-tool") continue;
        const call = openCalls(state).find((open) => open.callId === effect.callId);
        expect(call?.approval === null || call?.approval.standing === "granted").toBe(true);
        expect(call?.policy.by).toBe("runtime");
      }
    });
  });

  test("E3: asks for the model only when no tool call is open", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      if (!effects.some((effect) => effect.kind === "call-model")) return;
      expect(openCalls(state)).toEqual([]);
      expect(state.run?.phase.kind).toBe("ready");
    });
  });

  test("E6: has a model sum up only what is about to leave the window, before the call it is for", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      const asked = effects.find((effect) => effect.kind === "call-summary");
      if (asked === undefined) return;
      const { run } = state;
      expect(run?.settings.summary).not.toBeNull();
      expect(run?.summary).toBeNull();
      expect(run?.phase).toMatchObject({ kind: "ready", turn: asked.turn, attempt: asked.attempt });
      expect(planCompaction(state)?.dropped).toBe(asked.dropped);
      expect(asked.dropped).toBeGreaterThan(0);
      expect(state.isPaused).toBe(false);
    });
  });

  test("E5: starts nothing while the run is suspended or being stopped", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      if (state.run === null || (state.run.suspended === null && state.run.stopping === null)) return;
      expect(acts(effects)).toEqual([]);
      expect(effects.some((effect) => effect.kind === "start-run")).toBe(false);
    });
  });

  test("starts no more calls than may run at once, verifications included", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      if (state.run?.phase.kind !== "calling-tools") return;
      const running = openCalls(state).filter((call) => call.status.kind === "started").length;
      const asked = acts(effects).length;
      if (asked > 0) expect(running + asked).toBeLessThanOrEqual(state.run.settings.maxParallelCalls);
    });
  });

  test("records decisions alone, each legal after the one before, and each changes what is owed", () => {
    holdsAtEveryMoment(({ state, now, effects }) => {
      const decided = drafts(effects);
      if (decided.length === 0) return;
      expect(decided).toHaveLength(effects.length);
      const after = decided.reduce(
        (before, { header }) => reduce(before, eventAfter(before, header, { at: Math.max(before.at, now) })),
        state,
      );
      expect(plan(after, Math.max(after.at, now))).not.toEqual(effects);
    });
  });

  test("comes to rest on its own decisions: recording them ends after a few rounds", () => {
    holdsAtEveryMoment(({ state, now }) => {
      let [current, rounds] = [state, 0];
      for (; rounds < 50; rounds += 1) {
        const [draft] = drafts(plan(current, now));
        if (draft === undefined) break;
        current = reduce(current, eventAfter(current, draft.header, { at: Math.max(current.at, now) }));
      }
      expect(rounds).toBeLessThan(50);
    });
  });

  test("E6: waits for a time that is still to come", () => {
    holdsAtEveryMoment(({ now, effects }) => {
      for (const effect of effects) if (effect.kind === "wait-until") expect(effect.at).toBeGreaterThan(now);
    });
  });

  test("S3: lets no unsuspended run fall idle", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      const isOwed =
        state.run === null
          ? state.queue.length > 0 && !state.isPaused
          : state.run.suspended === null && !hasInFlight(state);
      if (isOwed) expect(effects.length).toBeGreaterThan(0);
      if (state.run === null && state.queue.length === 0) expect(effects).toEqual([]);
    });
  });

  test("S3: suspends for a reason, and never with something in flight", () => {
    holdsAtEveryMoment(({ state, effects }) => {
      for (const { header } of drafts(effects)) {
        if (header.type !== "run.suspended") continue;
        expect(header.waitingFor.length).toBeGreaterThan(0);
        expect(hasInFlight(state)).toBe(false);
      }
    });
  });
});
