import { describe, expect, test } from "vitest";
import type { EventHeader } from "./event.ts";
import { failure } from "./failure.ts";
import {
  append,
  callId,
  callingTools,
  header,
  openCall,
  openRun,
  policy,
  START,
  type Journal,
} from "./journal-builder.fixture.ts";
import type { ToolPolicy } from "./run-settings.ts";
import {
  nextStepForUnknown,
  settleToolCall,
  settleVerification,
  VERIFY_GRACE_MS,
  type ToolOutcome,
  type VerifyOutcome,
} from "./settle-tool-call.ts";
import { isLegal } from "./transitions.ts";

const NOW = START + 10_000;
/** The end of the time in which the usual attempt may still be under way. */
const NOT_AFTER = START + 100_000;

type Stop = "run.cancel-requested" | "run.expired" | null;

const started = (each: ToolPolicy, stop: Stop = null): Journal => {
  const story = append(callingTools([each]), header("tool-call.started"));
  return stop === null ? story : append(story, header(stop));
};

const settlingOf = ({ state }: Journal, now = NOW) => ({
  run: openRun(state),
  call: openCall(state),
  sessionId: "s",
  now,
  durationMs: 7,
});

/** What settling records; always something the fold takes. */
const settled = (story: Journal, outcome: ToolOutcome, now = NOW): EventHeader => {
  const draft = settleToolCall(settlingOf(story, now), outcome);
  expect(isLegal(story.state, draft.header)).toBe(true);
  return draft.header;
};

const completed = (
  artifact: { readonly path: string } | null = null,
): ToolOutcome & { readonly kind: "completed" } => ({
  kind: "completed",
  output: { type: "text", value: "fine" },
  chars: 4,
  isCoerced: true,
  artifact,
});

const failed = (
  more: { readonly retryable?: boolean; readonly executed?: boolean; readonly retryAfterMs?: number } = {},
): ToolOutcome => ({
  kind: "failed",
  failure: failure("TOOL_FAILED", "broke", { retryable: more.retryable ?? true }),
  executed: more.executed,
  retryAfterMs: more.retryAfterMs,
});

const write = policy("write");
const verifiable = policy("write", { canVerify: true });

describe("an attempt that completed", () => {
  test.each(["read", "idempotent", "write"] as const)(
    "is the call's result, stopped or not: %s",
    (effect) => {
      for (const stop of [null, "run.cancel-requested", "run.expired"] as const) {
        const result = settled(started(policy(effect), stop), completed());
        expect(result).toMatchObject({
          type: "tool-call.completed",
          attempt: 1,
          by: "execution",
          chars: 4,
          isCoerced: true,
        });
      }
    },
  );

  test("keeps what it gave, and where more of it is", () => {
    const outputs = [completed(), completed({ path: "out.txt" })].map(
      (outcome) => settleToolCall(settlingOf(started(write)), outcome).payload,
    );
    expect(outputs).toEqual([
      { output: { type: "text", value: "fine" } },
      { output: { type: "text", value: "fine" }, artifact: { path: "out.txt" } },
    ]);
  });
});

describe("an attempt that failed", () => {
  type Row = {
    readonly effect: ToolPolicy["effect"];
    /** What its author said of it. */
    readonly executed?: boolean;
    readonly retryable: boolean;
    readonly stop: Stop;
    readonly expected: string;
  };

  const ROWS: readonly Row[] = [
    { effect: "read", retryable: true, stop: null, expected: "tool-call.failed retry" },
    { effect: "read", executed: true, retryable: true, stop: null, expected: "tool-call.failed retry" },
    { effect: "read", executed: false, retryable: true, stop: null, expected: "tool-call.failed retry" },
    { effect: "read", retryable: false, stop: null, expected: "tool-call.failed give-up" },
    { effect: "read", retryable: true, stop: "run.cancel-requested", expected: "tool-call.failed give-up" },
    { effect: "read", retryable: true, stop: "run.expired", expected: "tool-call.failed give-up" },
    { effect: "idempotent", retryable: true, stop: null, expected: "tool-call.failed retry" },
    { effect: "idempotent", executed: true, retryable: true, stop: null, expected: "tool-call.failed retry" },
    { effect: "idempotent", retryable: false, stop: null, expected: "tool-call.failed give-up" },
    {
      effect: "idempotent",
      retryable: true,
      stop: "run.cancel-requested",
      expected: "tool-call.failed give-up",
    },
    { effect: "write", retryable: true, stop: null, expected: "tool-call.unknown ask" },
    { effect: "write", retryable: false, stop: null, expected: "tool-call.unknown ask" },
    { effect: "write", executed: true, retryable: true, stop: null, expected: "tool-call.unknown ask" },
    { effect: "write", retryable: true, stop: "run.cancel-requested", expected: "tool-call.unknown give-up" },
    { effect: "write", retryable: true, stop: "run.expired", expected: "tool-call.unknown give-up" },
    { effect: "write", executed: false, retryable: true, stop: null, expected: "tool-call.failed retry" },
    { effect: "write", executed: false, retryable: false, stop: null, expected: "tool-call.failed give-up" },
    {
      effect: "write",
      executed: false,
      retryable: true,
      stop: "run.cancel-requested",
      expected: "tool-call.failed give-up",
    },
  ];

  test.each(ROWS)(
    "E2: $effect, executed $executed, retryable $retryable, stopping $stop: $expected",
    (row) => {
      const { effect, stop, expected, ...more } = row;
      const result = settled(started(policy(effect), stop), failed(more));
      expect(`${result.type} ${"next" in result ? result.next.kind : ""}`).toBe(expected);
    },
  );

  test("E2: and may have written is verified when nothing of it can be under way any more", () => {
    expect(settled(started(verifiable), failed())).toMatchObject({
      next: { kind: "verify", notBefore: NOT_AFTER + VERIFY_GRACE_MS, tries: 0 },
      chars: 0,
    });
    expect(settled(started(verifiable), failed(), NOT_AFTER + 5_000)).toMatchObject({
      next: { kind: "verify", notBefore: NOT_AFTER + 5_000 + VERIFY_GRACE_MS },
    });
  });

  test("E7: is tried again as often as the policy says, and not before the tool asked for", () => {
    const once = started(policy("read", { retry: { maxAttempts: 2, initialDelayMs: 100, maxDelayMs: 100 } }));
    const retry = settled(once, failed({ retryAfterMs: 60_000 }));
    expect(retry).toMatchObject({ next: { kind: "retry", dueAt: NOW + 60_000 }, chars: 0 });
    const twice = append(once, retry, header("tool-call.started", { attempt: 2 }));
    expect(settled(twice, failed())).toMatchObject({
      attempt: 2,
      next: { kind: "give-up" },
      chars: "broke".length,
    });
  });

  test("E7: does not pay for attempts that were lost with their holder", () => {
    const lost = append(
      started(policy("read", { retry: { maxAttempts: 2, initialDelayMs: 100, maxDelayMs: 100 } })),
      header("session.recovered"),
      header("tool-call.started", { attempt: 2 }),
    );
    expect(settled(lost, failed())).toMatchObject({ attempt: 2, next: { kind: "retry" } });
  });

  test("J4: keeps its failure in the payload and its code in the header", () => {
    for (const each of [policy("read"), write]) {
      const { header: head, payload } = settleToolCall(settlingOf(started(each)), failed());
      expect(head).toMatchObject({ code: "TOOL_FAILED", callId: callId() });
      expect(payload).toEqual({ failure: { code: "TOOL_FAILED", message: "broke", retryable: true } });
    }
  });
});

test("E2: an unknown outcome is verified where the tool can, and asked about where it cannot", () => {
  expect(nextStepForUnknown(verifiable, 5)).toEqual({
    kind: "verify",
    notBefore: 5 + VERIFY_GRACE_MS,
    tries: 0,
  });
  expect(nextStepForUnknown(write, 5)).toEqual({ kind: "ask" });
});

describe("a verification", () => {
  const verifying = (each = verifiable, tries = 0): Journal =>
    append(started(each), header("tool-call.unknown", { next: { kind: "verify", notBefore: NOW, tries } }));

  const checked = (story: Journal, outcome: VerifyOutcome): EventHeader => {
    const draft = settleVerification(settlingOf(story), outcome);
    expect(isLegal(story.state, draft.header)).toBe(true);
    return draft.header;
  };

  const cannotTell: VerifyOutcome = { kind: "failed", failure: failure("TOOL_FAILED", "no answer") };

  test("that finds the result makes it the call's result", () => {
    expect(checked(verifying(), completed())).toMatchObject({
      type: "tool-call.completed",
      by: "verification",
      chars: 4,
    });
  });

  test("that finds nothing done lets the call start again", () => {
    expect(checked(verifying(), { kind: "not-done" })).toMatchObject({
      type: "tool-call.verified",
      status: "not-done",
    });
  });

  test("E7: that finds nothing done ends the call when it was tried as often as it may be", () => {
    const strict = policy("write", {
      canVerify: true,
      retry: { maxAttempts: 1, initialDelayMs: 1, maxDelayMs: 1 },
    });
    const result = checked(verifying(strict), { kind: "not-done" });
    expect(result).toMatchObject({
      type: "tool-call.failed",
      code: "TOOL_FAILED",
      next: { kind: "give-up" },
    });
    expect("chars" in result ? result.chars : 0).toBeGreaterThan(0);
  });

  test("E2: that finds a lost call not done starts it again, were it the only attempt allowed", () => {
    const strict = policy("write", {
      canVerify: true,
      retry: { maxAttempts: 1, initialDelayMs: 1, maxDelayMs: 1 },
    });
    const lost = append(
      started(strict),
      header("session.recovered"),
      header("tool-call.unknown", { next: { kind: "verify", notBefore: NOW, tries: 0 } }),
    );
    expect(checked(lost, { kind: "not-done" })).toMatchObject({
      type: "tool-call.verified",
      status: "not-done",
    });
  });

  test("E2: that cannot tell makes a person be asked, with the evidence", () => {
    const outcome: VerifyOutcome = { kind: "unknown", evidence: { seen: "half" } };
    expect(checked(verifying(), outcome)).toMatchObject({ type: "tool-call.verified", status: "unknown" });
    expect(settleVerification(settlingOf(verifying()), outcome).payload).toEqual({
      evidence: { seen: "half" },
    });
  });

  test("E7: that fails is tried again a few times, later each time, and then a person is asked", () => {
    let story = verifying();
    const delays: number[] = [];
    for (;;) {
      const result = checked(story, cannotTell);
      if (result.type !== "tool-call.unknown" || result.next.kind !== "verify") break;
      expect(result.next.tries).toBe(delays.length + 1);
      delays.push(result.next.notBefore - NOW);
      story = append(story, result);
    }
    expect(delays).toHaveLength(4);
    expect(delays).toEqual(delays.toSorted((left, right) => left - right));
    expect(delays[0]).toBeGreaterThanOrEqual(500);
    const last = checked(story, cannotTell);
    expect(last).toMatchObject({ type: "tool-call.unknown", next: { kind: "ask" } });
    // Nobody checks again what a person has been asked about.
    expect(isLegal(append(story, last).state, last)).toBe(false);
  });
});
