import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Choices } from "./choices.fixture.ts";
import { DrivenSession, type Moment, type World } from "./driven-session.fixture.ts";
import type { Effect } from "./effect.ts";
import { auditJournal } from "./journal-audit.fixture.ts";
import { openCalls, policy, settings } from "./journal-builder.fixture.ts";
import { MAX_TAKEOVERS, plan } from "./plan.ts";
import { reduce } from "./reduce.ts";
import { eventAfter } from "./journal-builder.fixture.ts";
import { sessionStatus, type SessionState } from "./session-state.ts";
import { isLegal } from "./transitions.ts";
import { wildJournal } from "./wild-journal.fixture.ts";

const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 150);
const runs = { numRuns: RUNS };

const tape = fc.array(fc.nat({ max: 10_000 }), { minLength: 1, maxLength: 120 });
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
  })
  .map((each) => policy(each.effect, each));

const runSettings = fc
  .record({
    maxTurns: fc.integer({ min: 1, max: 5 }),
    maxDurationMs: fc.integer({ min: 1_000, max: 2_000_000 }),
    maxParallelCalls: fc.integer({ min: 1, max: 3 }),
    maxOutputRepairs: fc.integer({ min: 0, max: 2 }),
    maxWindowChars: fc.integer({ min: 1, max: 2_000 }),
    modelRetry: retry,
  })
  .map(settings);

const world: fc.Arbitrary<World> = fc.record({
  settings: runSettings,
  policies: fc.tuple(toolPolicy, toolPolicy, toolPolicy),
  disturbances: fc.integer({ min: 0, max: 14 }),
});

/** A session driven to its rest, with everything the plan said on the way. */
const drive = (world: World, tape: readonly number[]): { session: DrivenSession; isAtRest: boolean } => {
  const session = new DrivenSession(world, new Choices(tape));
  return { session, isAtRest: session.drive() };
};

test("x", () => {
  fc.assert(
    fc.property(world, tape, (w, t) => {
      const { session, isAtRest } = drive(w, t);
      expect(isAtRest).toBe(true);
      expect(auditJournal(session.events)).toEqual([]);
    }),
    runs,
  );
});
