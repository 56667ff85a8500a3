import { describe, expect, test } from "vitest";
import {
  append,
  callId,
  callingTools,
  header,
  openRun,
  policy,
  START,
  type Journal,
} from "./journal-builder.fixture.ts";
import { plan } from "./plan.ts";
import { failed, UNDO, undoing, undone, written } from "./undo-examples.fixture.ts";

const tool = "tool-0";

/** What is decided in this state, by type; other effects by kind. */
const decided = ({ state }: Journal, now = START + 20_000): readonly string[] =>
  plan(state, now).map((effect) => (effect.kind === "record" ? effect.draft.header.type : effect.kind));

const writes = ({ state }: Journal) =>
  openRun(state).writes.map(({ callId: id, status }) => [id, status] as const);

const two = policy("write", { undo: UNDO });

/** Two calls of one answer, both begun. */
const begun = (): Journal =>
  append(
    callingTools([two, two]),
    header("tool-call.started"),
    header("tool-call.started", { callId: callId(1) }),
  );

describe("what a run has written", () => {
  test("E10: is kept in the order in which the last attempts began", () => {
    expect(writes(begun())).toEqual([
      [callId(0), "open"],
      [callId(1), "open"],
    ]);
    const again = append(
      begun(),
      header("tool-call.failed", { next: { kind: "retry", dueAt: START } }),
      header("tool-call.started", { attempt: 2 }),
      header("tool-call.completed", { attempt: 2 }),
    );
    expect(writes(again)).toEqual([
      [callId(1), "open"],
      [callId(0), "done"],
    ]);
  });

  test("E10: is what took place, or may have; what is known not to have leaves it", () => {
    const over = append(
      begun(),
      header("tool-call.failed"),
      header("tool-call.unknown", { callId: callId(1), next: { kind: "give-up" } }),
    );
    expect(writes(over)).toEqual([[callId(1), "unknown"]]);
    const asked = append(begun(), header("tool-call.unknown"));
    expect(writes(append(asked, header("tool-call.resolved")))[0]).toEqual([callId(0), "done"]);
    expect(writes(append(asked, header("tool-call.resolved", { as: "failed" })))).toHaveLength(1);
  });

  test("E10: has nothing of calls that write nothing", () => {
    const read = append(
      callingTools([policy("read"), policy("idempotent")]),
      header("tool-call.started"),
      header("tool-call.started", { callId: callId(1) }),
      header("tool-call.completed"),
    );
    expect(writes(read)).toEqual([]);
  });
});

describe("a run that failed", () => {
  test("E10: is undone before it ends: first said, then call by call, then ended with what came of it", () => {
    expect(decided(failed())).toEqual(["run.undoing"]);
    expect(decided(undoing())).toEqual(["undo.requested"]);
    const requested = append(undoing(), header("undo.requested"));
    expect(plan(requested.state, START + 20_000)[0]).toMatchObject({
      kind: "call-tool",
      callId: `undo_${callId()}`,
      tool,
      attempt: 1,
    });
    expect(plan(undone().state, START + 20_000)).toMatchObject([
      { draft: { header: { type: "run.failed", code: "MODEL_UNAVAILABLE", undo: { undone: [{ tool }] } } } },
    ]);
  });

  test("E10: ends at once where its agent keeps what it did", () => {
    expect(decided(failed({ whenFailed: "keep" }))).toEqual(["run.failed"]);
  });

  test("E10: of which nothing is left but what nobody knows ends and says so", () => {
    const lost = append(callingTools([two]), header("tool-call.started"), header("run.expired"));
    const given = append(lost, header("tool-call.unknown", { next: { kind: "give-up" } }));
    expect(plan(given.state, START)).toMatchObject([
      {
        draft: {
          header: { type: "run.failed", undo: { undone: [], notUndone: [{ reason: "outcome-unknown" }] } },
        },
      },
    ]);
  });

  test("E10 E6: has no time limit while it is undone", () => {
    const late = START + 365 * 86_400_000;
    expect(decided(undoing(), late)).toEqual(["undo.requested"]);
    const requested = append(undoing(), header("undo.requested"));
    expect(decided(requested, late)[0]).toBe("call-tool");
    expect(
      decided(append(requested, header("tool-call.started", { callId: `undo_${callId()}` })), late),
    ).toEqual(["wait-until"]);
  });

  test("E10 S3: waits in a paused session, and ends there when nothing is left to undo", () => {
    const paused = (journal: Journal): Journal => append(journal, header("session.paused"));
    expect(decided(paused(failed()))).toEqual(["run.undoing"]);
    expect(decided(paused(undoing()))).toEqual(["run.suspended"]);
    expect(decided(paused(undone()))).toEqual(["run.failed"]);
  });

  test("E10: leaves a note in the window, and the next run begins behind it", () => {
    const undo = { undone: [{ callId: callId(), tool }], notUndone: [] };
    const ended = append(undone(), header("run.failed", { code: "MODEL_UNAVAILABLE", undo }));
    expect(ended.state.window.at(-1)).toMatchObject({ kind: "undone", at: ended.state.position });
    expect(ended.state.windowChars).toBe(ended.state.window.reduce((sum, { chars }) => sum + chars, 0));
    const plain = append(written({ whenFailed: "keep" }), header("run.failed"));
    expect(plain.state.window.at(-1)).toMatchObject({ kind: "result" });
  });
});
