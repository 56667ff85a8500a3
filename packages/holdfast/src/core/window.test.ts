import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { append, eventAfter, header, journalOf, ready } from "./journal-builder.fixture.ts";
import { reduce } from "./reduce.ts";
import type { SessionState, WindowEntry } from "./session-state.ts";
import { isLegal } from "./transitions.ts";
import { mayCutAt, windowCut } from "./window.ts";

type Kind = WindowEntry["kind"];

/** The state of an open run whose window holds these entries; the last input is the open run's. */
const stateWith = (
  entries: readonly (readonly [Kind, number])[],
  more: { readonly maxWindowChars?: number; readonly mustCompact?: boolean } = {},
): SessionState => {
  const { state } = ready({ maxWindowChars: more.maxWindowChars ?? 100 });
  const window = entries.map(([kind, chars], index): WindowEntry => ({ at: index + 1, kind, chars }));
  const openInput = window.findLast((entry) => entry.kind === "input");
  if (state.run === null) return state;
  const run = {
    ...state.run,
    acceptedAt: openInput?.at ?? 0,
    inputAt: openInput?.at ?? 0,
    mustCompact: more.mustCompact ?? false,
  };
  return { ...state, run, window, windowChars: window.reduce((sum, entry) => sum + entry.chars, 0) };
};

const compact = (state: SessionState, dropped: number): SessionState =>
  reduce(state, eventAfter(state, header("context.compacted", { dropped })));

const kinds = (state: SessionState): string => state.window.map((entry) => entry.kind[0]).join("");

describe("the cut of the window", () => {
  test("is not made while everything fits", () => {
    expect(
      windowCut(
        stateWith([
          ["input", 50],
          ["answer", 50],
        ]),
      ),
    ).toBe(0);
    expect(
      windowCut(
        stateWith([
          ["input", 10],
          ["answer", 10],
          ["input", 80],
          ["answer", 1],
        ]),
      ),
    ).toBeGreaterThan(0);
  });

  test("is not made without an open run", () => {
    const idle = append(journalOf(header("session.created")), header("run.accepted", { chars: 10 ** 6 }));
    expect(windowCut({ ...idle.state, windowChars: 10 ** 6 })).toBe(0);
    expect(mayCutAt(idle.state, 1)).toBe(false);
  });

  test.each([
    ["earlier runs go as wholes", "iarariar", 5, "iar"],
    ["turns of the open run go when earlier runs are not enough", "iariararar", 8, "iar"],
    ["all results of a turn stay with it", "iarrrarrr", 5, "iarrr"],
  ])("falls between turns: %s", (_, ...[before, dropped, after]) => {
    const names: Record<string, Kind> = { i: "input", a: "answer", r: "result" };
    const weights: Record<string, number> = { i: 1, a: 20, r: 20 };
    const entries = Array.from(before, (letter) => [names[letter] ?? "input", weights[letter] ?? 0] as const);
    const state = stateWith(entries, { maxWindowChars: 88 });
    expect(windowCut(state)).toBe(dropped);
    expect(kinds(compact(state, dropped))).toBe(after);
  });

  test("leaves half, so that prompts keep their beginning for a while", () => {
    const turns = Array.from(
      { length: 10 },
      () =>
        [
          ["answer", 5],
          ["result", 5],
        ] as const,
    ).flat();
    const state = stateWith([["input", 1], ...turns], { maxWindowChars: 100 });
    const cut = compact(state, windowCut(state));
    expect(cut.windowChars).toBe(41);
    expect(windowCut(cut)).toBe(0);
  });

  test("counts the open run's input on both sides of the cut", () => {
    const turns = Array.from(
      { length: 4 },
      () =>
        [
          ["answer", 5],
          ["result", 5],
        ] as const,
    ).flat();
    const state = stateWith([["input", 70], ...turns], { maxWindowChars: 100 });
    const cut = compact(state, windowCut(state));
    // The input alone is over the half that is kept: only the last turn stays beside it.
    expect([cut.windowChars, kinds(cut)]).toEqual([80, "iar"]);
    expect(windowCut(cut)).toBe(0);
  });

  test("cuts a window that fits when the provider says it does not", () => {
    const entries = [
      ["input", 5],
      ["answer", 5],
      ["input", 5],
      ["answer", 5],
    ] as const;
    const cut = compact(
      stateWith(entries, { mustCompact: true }),
      windowCut(stateWith(entries, { mustCompact: true })),
    );
    expect(kinds(cut)).toBe("ia");
    expect(cut.run?.mustCompact).toBe(false);
    expect(
      windowCut(
        stateWith(
          [
            ["input", 5],
            ["answer", 5],
          ],
          { mustCompact: true },
        ),
      ),
    ).toBe(0);
  });
});

/** Earlier runs, then the open one with at least its input, as conversations really go. */
const turn = fc
  .tuple(fc.nat({ max: 60 }), fc.array(fc.nat({ max: 60 }), { maxLength: 3 }))
  .map(([answer, results]) => [
    ["answer", answer] as const,
    ...results.map((chars) => ["result", chars] as const),
  ]);
const run = fc
  .tuple(fc.nat({ max: 80 }), fc.array(turn, { maxLength: 5 }))
  .map(([input, turns]) => [["input", input] as const, ...turns.flat()]);
const conversation = fc.array(run, { minLength: 1, maxLength: 5 }).map((runs) => runs.flat());
const any = fc
  .record({ conversation, maxWindowChars: fc.integer({ min: 1, max: 500 }), mustCompact: fc.boolean() })
  .map(({ conversation: entries, ...more }) => stateWith(entries, more));

describe("any window", () => {
  test("is cut only where the fold allows, and keeps whole turns and the open run's input", () => {
    fc.assert(
      fc.property(any, (state) => {
        const dropped = windowCut(state);
        if (dropped === 0) return;
        expect(isLegal(state, header("context.compacted", { dropped }))).toBe(true);
        const after = compact(state, dropped);
        expect(after.window.length).toBeLessThan(state.window.length);
        expect(after.window[0]?.kind).toBe("input");
        expect(after.window.some((entry) => entry.at === state.run?.inputAt)).toBe(true);
        expect(state.window[dropped]?.kind).not.toBe("result");
        expect(after.windowChars).toBe(after.window.reduce((sum, entry) => sum + entry.chars, 0));
      }),
      { numRuns: 1_000 },
    );
  });

  test("comes to rest with one cut, in bounds or with nothing more to cut", () => {
    fc.assert(
      fc.property(any, (state) => {
        const dropped = windowCut(state);
        if (dropped === 0) return;
        const after = compact(state, dropped);
        expect(windowCut(after)).toBe(0);
        const isFit = after.windowChars <= (state.run?.settings.maxWindowChars ?? 0);
        const isLeast = !after.window.some((_, index) => mayCutAt(after, index));
        expect(isFit || isLeast).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is left alone by the fold at every other place", () => {
    fc.assert(
      fc.property(any, fc.integer({ min: -2, max: 40 }), (state, dropped) => {
        const allowed = isLegal(state, header("context.compacted", { dropped }));
        if (!allowed) return;
        const after = compact(state, dropped);
        expect(after.window.length).toBeLessThan(state.window.length);
        expect(after.window[0]?.kind).toBe("input");
        expect(after.window.some((entry) => entry.at === state.run?.inputAt)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
