import { describe, expect, test } from "vitest";
import type { EventDraft, FinishReason, HeaderOf } from "./event.ts";
import { failure, type FailureCode } from "./failure.ts";
import {
  append,
  appendDrafts,
  callingModel,
  charge,
  header,
  openCalls,
  openRun,
  policy,
  START,
  type Journal,
} from "./journal-builder.fixture.ts";
import type { AssistantPart } from "./message.ts";
import type { OpenModelCall, SessionState } from "./session-state.ts";
import {
  callsToRun,
  NO_POLICY,
  settleModelCall,
  settleModelFailure,
  type ModelOutcome,
  type ResolvedCall,
} from "./settle-model-call.ts";

const openModelCall = (state: SessionState): OpenModelCall => {
  const { phase } = openRun(state);
  expect(phase.kind).toBe("calling-model");
  return phase.kind === "calling-model"
    ? phase.call
    : {
        position: 0,
        attempt: 0,
        candidate: 0,
        at: 0,
        estimate: charge(),
        reserved: null,
        chars: 0,
        entries: 0,
        isLost: false,
      };
};

const outcome = (more: Partial<ModelOutcome> = {}): ModelOutcome => ({
  content: [{ type: "text", text: "hello" }],
  finish: "stop",
  provider: "first",
  charge: charge(),
  durationMs: 5,
  firstTokenMs: 1,
  metadata: { id: "m" },
  calls: [],
  output: { check: "none", issues: [] },
  ...more,
});

const known = (more: Partial<ResolvedCall> = {}): ResolvedCall => ({
  tool: "tool",
  policy: policy("read"),
  refusal: null,
  approval: null,
  changed: null,
  replacement: null,
  ...more,
});

const unknown = known({
  tool: null,
  policy: NO_POLICY,
  refusal: failure("TOOL_UNKNOWN", "There is no such tool."),
});

const settled = (more: Partial<ModelOutcome>, story: Journal = callingModel()): readonly EventDraft[] =>
  settleModelCall(openRun(story.state), openModelCall(story.state), outcome(more));

describe("an answer", () => {
  test("is recorded with all that was said", () => {
    const content: readonly AssistantPart[] = [
      { type: "reasoning", text: "hm", providerMetadata: { first: { signature: "s" } } },
      { type: "text", text: "hello" },
    ];
    const [completed] = settled({ content });
    expect(completed?.header).toMatchObject({
      type: "model-call.completed",
      startedAt: 4,
      attempt: 1,
      chars: 7,
      calls: [],
    });
    expect(completed?.payload).toEqual({ content, metadata: { id: "m" } });
  });

  test("weighs what the model will see of it", () => {
    const content: readonly AssistantPart[] = [
      { type: "text", text: "abc" },
      { type: "reasoning", text: "de" },
      { type: "file", mediaType: "image/png", data: { kind: "base64", base64: "AA==" } },
      { type: "tool-call", providerCallId: "p", toolName: "name", input: { a: 1 } },
      { type: "provider-tool-result", providerCallId: "p", toolName: "name", result: [1] },
      { type: "source", source: { url: "https://example.org/" } },
      { type: "opaque", part: { x: 1 } },
    ];
    const [completed] = settled({ content });
    expect(completed?.header).toMatchObject({ chars: 3 + 2 + 6_000 + (4 + 7) + 3 + 7 });
  });

  test("keeps its value where one was asked for, and what was wrong with it", () => {
    const [valid] = settled({ output: { check: "valid", issues: [], value: { a: 1 } } });
    expect([valid?.header, valid?.payload]).toMatchObject([
      { output: "valid", chars: 5 },
      { output: { a: 1 } },
    ]);
    const [invalid] = settled({ output: { check: "invalid", issues: ["too short", "no b"] } });
    expect([invalid?.header, invalid?.payload]).toMatchObject([
      { output: "invalid", chars: 5 + 9 + 4 },
      { issues: ["too short", "no b"] },
    ]);
  });

  test("gives each call an id of ours that no provider can repeat", () => {
    const [completed] = settled({
      finish: "tool-calls",
      calls: [known(), known({ policy: policy("write") })],
    });
    expect(completed?.header).toMatchObject({
      calls: [
        { callId: "call_4_0", tool: "tool", policy: policy("read") },
        { callId: "call_4_1", tool: "tool", policy: policy("write") },
      ],
    });
  });

  test.each<readonly [FinishReason, boolean]>([
    ["stop", true],
    ["tool-calls", true],
    ["length", false],
    ["content-filter", false],
    ["other", false],
  ])("E9: that finished with %s lets its calls run: %s", (finish, mayRun) => {
    const story = callingModel();
    const { state } = appendDrafts(story, settled({ finish, calls: [known(), known()] }, story));
    expect(openCalls(state)).toHaveLength(mayRun ? 2 : 0);
    expect(openRun(state).phase.kind).toBe(mayRun ? "calling-tools" : "ready");
    const codes = settled({ finish, calls: [known()] }).map((draft) =>
      "code" in draft.header ? draft.header.code : "-",
    );
    expect(codes).toEqual(mayRun ? ["-"] : ["-", "TOOL_NOT_RUN"]);
  });

  test("E3: closes a call that cannot run in the same breath, and leaves the others open", () => {
    const story = callingModel();
    const drafts = settled({ finish: "tool-calls", calls: [known(), unknown, known()] }, story);
    expect(drafts[1]).toMatchObject({
      header: {
        type: "tool-call.failed",
        callId: "call_4_1",
        attempt: 0,
        code: "TOOL_UNKNOWN",
        next: { kind: "give-up" },
      },
      payload: { failure: { code: "TOOL_UNKNOWN" } },
    });
    const { state } = appendDrafts(story, drafts);
    expect(openCalls(state).map((call) => call.callId)).toEqual(["call_4_0", "call_4_2"]);
  });

  test("E9: says that it was cut short even of a call that is wrong in itself", () => {
    const [, refused] = settled({ finish: "length", calls: [unknown] });
    expect(refused?.header).toMatchObject({ code: "TOOL_NOT_RUN" });
  });

  test("lets only calls run that the provider does not run itself", () => {
    const call = { type: "tool-call", providerCallId: "p", toolName: "n", input: null } as const;
    const content = [
      call,
      { ...call, providerExecuted: true },
      { ...call, providerExecuted: false },
      { type: "text", text: "" } as const,
    ];
    expect(callsToRun(content)).toEqual([call, { ...call, providerExecuted: false }]);
  });

  test("E2: has no policy that would run a call nobody knows", () => {
    expect(NO_POLICY).toMatchObject({ effect: "write", canVerify: false, retry: { maxAttempts: 1 } });
  });
});

describe("a model call that failed", () => {
  const after = (
    code: FailureCode,
    more: { readonly story?: Journal; readonly retryable?: boolean; readonly retryAfterMs?: number } = {},
  ): unknown => {
    const { state } = more.story ?? callingModel();
    const [draft] = settleModelFailure(openRun(state), openModelCall(state), {
      failure: failure(code, "why", more.retryable === undefined ? {} : { retryable: more.retryable }),
      retryAfterMs: more.retryAfterMs,
      charge: charge(),
      durationMs: 5,
      now: START + 10_000,
      sessionId: "s",
    });
    if (draft === undefined) throw new TypeError("nothing was recorded");
    append(more.story ?? callingModel(), draft.header);
    expect(draft.header).toMatchObject({
      type: "model-call.failed",
      startedAt: state.position - suffix(more.story),
      code,
    });
    return (draft.header as HeaderOf<"model-call.failed">).next;
  };

  /** Events of the story after the start of its last model call. */
  const suffix = (story: Journal | undefined): number =>
    story === undefined
      ? 0
      : story.events.length -
        1 -
        story.events.findLastIndex((each) => each.header.type === "model-call.started");

  const onAttempt = (attempt: number, candidate = 0, candidates = 2): Journal => {
    const all = Array.from({ length: candidates }, (_, index) => ({ provider: `p${index}`, modelId: "m" }));
    let story = callingModel({ candidates: all });
    const again = (
      next: HeaderOf<"model-call.failed">["next"],
      more: { attempt: number; candidate: number },
    ): void => {
      const startedAt = story.state.position;
      story = append(
        story,
        header("model-call.failed", { startedAt, next, attempt: openModelCall(story.state).attempt }),
      );
      story = append(story, header("model-call.started", more));
    };
    for (let index = 1; index <= candidate; index += 1)
      again({ kind: "fallback", candidate: index }, { attempt: 1, candidate: index });
    for (let index = 2; index <= attempt; index += 1)
      again({ kind: "retry", dueAt: START }, { attempt: index, candidate });
    return story;
  };

  test.each([
    ["MODEL_UNAVAILABLE", undefined, "retry"],
    ["MODEL_RATE_LIMITED", undefined, "retry"],
    ["MODEL_STREAM_CUT", undefined, "retry"],
    ["MODEL_CONTEXT_OVERFLOW", undefined, "compact"],
    ["MODEL_UNAUTHORIZED", undefined, "fallback"],
    ["MODEL_NOT_CONFIGURED", undefined, "fallback"],
    ["MODEL_PACKAGE_MISSING", undefined, "fallback"],
    ["MODEL_REQUEST_REJECTED", undefined, "fallback"],
    ["MODEL_REFUSED", undefined, "give-up"],
    ["MODEL_CALL_CANCELLED", undefined, "give-up"],
    ["MODEL_UNAVAILABLE", false, "fallback"],
    ["INTERNAL", true, "retry"],
  ] as const)("E7: with %s, retryable %s, goes on with %s", (code, retryable, kind) => {
    expect(after(code, retryable === undefined ? {} : { retryable })).toMatchObject({ kind });
  });

  test("E7: is tried again as often as the policy says, then the next model is asked, then none", () => {
    expect(after("MODEL_UNAVAILABLE", { story: onAttempt(2) })).toMatchObject({ kind: "retry" });
    expect(after("MODEL_UNAVAILABLE", { story: onAttempt(3) })).toEqual({ kind: "fallback", candidate: 1 });
    expect(after("MODEL_UNAVAILABLE", { story: onAttempt(3, 1, 3) })).toEqual({
      kind: "fallback",
      candidate: 2,
    });
    expect(after("MODEL_UNAVAILABLE", { story: onAttempt(3, 1) })).toEqual({ kind: "give-up" });
    expect(after("MODEL_UNAUTHORIZED", { story: onAttempt(1, 1) })).toEqual({ kind: "give-up" });
  });

  test("E7: waits as long as the provider asks, and goes elsewhere rather than wait for days", () => {
    expect(after("MODEL_RATE_LIMITED", { retryAfterMs: 90_000 })).toEqual({
      kind: "retry",
      dueAt: START + 100_000,
    });
    expect(after("MODEL_RATE_LIMITED", { retryAfterMs: 10 ** 9 })).toEqual({
      kind: "fallback",
      candidate: 1,
    });
  });

  test.each(["run.cancel-requested", "run.expired"] as const)(
    "E5: is given up after %s, whatever it was",
    (type) => {
      const story = append(callingModel(), header(type));
      for (const code of ["MODEL_UNAVAILABLE", "MODEL_CONTEXT_OVERFLOW", "MODEL_UNAUTHORIZED"] as const) {
        expect(after(code, { story })).toEqual({ kind: "give-up" });
      }
    },
  );

  test("E8: is charged what it used", () => {
    const { state } = callingModel();
    const estimate = charge({ isEstimate: true, costUsd: null });
    const [draft] = settleModelFailure(openRun(state), openModelCall(state), {
      failure: failure("MODEL_STREAM_CUT", "cut"),
      retryAfterMs: undefined,
      charge: estimate,
      durationMs: 5,
      now: START,
      sessionId: "s",
    });
    expect(draft).toMatchObject({
      header: { charge: estimate },
      payload: { failure: { code: "MODEL_STREAM_CUT" } },
    });
  });
});
