import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { append, compacted, eventAfter, header, journalOf, ready } from "./journal-builder.fixture.ts";
import { reduce } from "./reduce.ts";
import type { SessionState, WindowEntry } from "./session-state.ts";
import { isLegal } from "./transitions.ts";
import { planCompaction, summaryRoom } from "./window.ts";

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

/** How many of the oldest entries go. */
const windowCut = (state: SessionState): number => planCompaction(state)?.dropped ?? 0;

const compact = (state: SessionState, dropped: number): SessionState =>
  reduce(state, eventAfter(state, header("context.compacted", { dropped })));

/** The window after what it needs, with the longest summary that may be. */
const compactAll = (state: SessionState): SessionState => {
  const compaction = planCompaction(state);
  if (compaction === null) return state;
  const room = compaction.dropped === 0 ? 0 : summaryRoom(state, compaction.dropped);
  return reduce(state, eventAfter(state, compacted(compaction, room)));
};

const mayCutAt = (state: SessionState, dropped: number): boolean =>
  isLegal(state, header("context.compacted", { dropped }));

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

describe("the budget of a run", () => {
  test("E8 takes nothing that was counted before a cut for the prompt after it", () => {
    const state = stateWith([
      ["input", 60],
      ["answer", 60],
      ["input", 60],
    ]);
    if (state.run === null) return;
    const measured = { candidate: 0, tokens: 1_000, chars: 180, entries: 3 };
    const run = { ...state.run, budget: { ...state.run.budget, measured } };
    expect(compact({ ...state, run }, 2).run?.budget.measured).toBeNull();
  });
});

describe("a result", () => {
  /** Five turns of one result each; the last two are what the model is at. */
  const turns = (chars: number): readonly (readonly [Kind, number])[] => [
    ["input", 10],
    ...Array.from({ length: 5 }, () => [["answer", 10] as const, ["result", chars] as const]).flat(),
  ];

  test("of an older turn is cut to its head before anything is dropped", () => {
    const state = stateWith(turns(4_000), { maxWindowChars: 19_000 });
    expect(planCompaction(state)).toEqual({ dropped: 0, shortened: [3, 5, 7] });
    const after = compactAll(state);
    expect(after.window.map(({ chars }) => chars)).toEqual([
      10, 10, 450, 10, 450, 10, 450, 10, 4_000, 10, 4_000,
    ]);
    expect(planCompaction(after)).toBeNull();
  });

  test("that is hardly longer than its head is left as it is", () => {
    const state = stateWith(turns(900), { maxWindowChars: 4_000 });
    expect(planCompaction(state)).toEqual({ dropped: 7, shortened: [] });
  });

  test("of the last turn is cut, the longest first, where nothing else helps", () => {
    const entries = [
      ["input", 10],
      ["answer", 10],
      ["result", 3_000],
      ["result", 9_000],
      ["result", 5_000],
    ] as const;
    const state = stateWith(entries, { maxWindowChars: 10_000 });
    expect(planCompaction(state)).toEqual({ dropped: 0, shortened: [4] });
    const overflow = stateWith(entries, { maxWindowChars: 100_000, mustCompact: true });
    expect(planCompaction(overflow)).toEqual({ dropped: 0, shortened: [4] });
  });

  test("that is not there, is short, or is short already is not cut", () => {
    const state = stateWith(turns(4_000), { maxWindowChars: 19_000 });
    const shorten = (of: SessionState, shortened: readonly number[]) =>
      isLegal(of, header("context.compacted", { dropped: 0, shortened }));
    expect(shorten(state, [3, 5])).toBe(true);
    for (const wrong of [[], [1], [2], [3, 3], [99]]) expect(shorten(state, wrong)).toBe(false);
    expect(shorten(compactAll(state), [3])).toBe(false);
  });
});

describe("a summary", () => {
  const long = stateWith(
    [
      ["input", 2_000],
      ["answer", 2_000],
      ["input", 2_000],
      ["answer", 2_000],
      ["input", 2_000],
    ],
    { maxWindowChars: 9_000 },
  );

  test("stands before what is left, and is no longer than half of what it stands for", () => {
    expect(summaryRoom(long, 2)).toBe(900);
    expect(
      summaryRoom(
        stateWith(
          [
            ["input", 500],
            ["answer", 500],
            ["input", 1],
          ],
          { maxWindowChars: 90_000 },
        ),
        2,
      ),
    ).toBe(500);
    const after = compactAll(long);
    expect(kinds(after)).toBe("siai".slice(0, after.window.length));
    const refused = header("context.compacted", { dropped: 4, summaryChars: summaryRoom(long, 4) + 1 });
    expect(isLegal(long, refused)).toBe(false);
  });

  test("is not made of so little that it would say nothing", () => {
    expect(
      summaryRoom(
        stateWith(
          [
            ["input", 300],
            ["answer", 50],
            ["input", 1],
          ],
          { maxWindowChars: 90_000 },
        ),
        2,
      ),
    ).toBe(0);
    expect(
      summaryRoom(
        stateWith(
          [
            ["input", 9_000],
            ["answer", 50],
            ["input", 1],
          ],
          { maxWindowChars: 1_900 },
        ),
        2,
      ),
    ).toBe(0);
  });

  test("is not summed up alone", () => {
    const after = compactAll(long);
    expect(mayCutAt(after, 1)).toBe(false);
  });
});

/** Earlier runs, then the open one with at least its input, as conversations really go. */
const turn = fc
  .tuple(fc.nat({ max: 60 }), fc.array(fc.nat({ max: 6_000 }), { maxLength: 3 }))
  .map(([answer, results]) => [
    ["answer", answer] as const,
    ...results.map((chars) => ["result", chars] as const),
  ]);
const run = fc
  .tuple(fc.nat({ max: 800 }), fc.array(turn, { maxLength: 5 }))
  .map(([input, turns]) => [["input", input] as const, ...turns.flat()]);
const conversation = fc.array(run, { minLength: 1, maxLength: 5 }).map((runs) => runs.flat());
const any = fc
  .record({ conversation, maxWindowChars: fc.integer({ min: 1, max: 20_000 }), mustCompact: fc.boolean() })
  .map(({ conversation: entries, ...more }) => stateWith(entries, more));

const firstSaid = (state: SessionState): WindowEntry | undefined =>
  state.window.find(({ kind }) => kind !== "summary");

describe("any window", () => {
  test("is made shorter only as the fold allows, and keeps whole turns and the open run's input", () => {
    fc.assert(
      fc.property(any, (state) => {
        const compaction = planCompaction(state);
        if (compaction === null) return;
        const room = compaction.dropped === 0 ? 0 : summaryRoom(state, compaction.dropped);
        expect(isLegal(state, compacted(compaction, room))).toBe(true);
        const after = compactAll(state);
        expect(after.windowChars).toBeLessThan(state.windowChars + 1);
        expect(firstSaid(after)?.kind).toBe("input");
        expect(after.window.some((entry) => entry.at === state.run?.inputAt)).toBe(true);
        expect(state.window[compaction.dropped]?.kind).not.toBe("result");
        expect(after.windowChars).toBe(after.window.reduce((sum, entry) => sum + entry.chars, 0));
      }),
      { numRuns: 2_000 },
    );
  });

  test("comes to rest at once, in bounds or with nothing more to leave out", () => {
    fc.assert(
      fc.property(any, (state) => {
        const after = compactAll(state);
        expect(planCompaction(after)).toBeNull();
        const isFit = after.windowChars <= (state.run?.settings.maxWindowChars ?? 0);
        const isLeast =
          !after.window.some((_, index) => mayCutAt(after, index)) &&
          !after.window.some(
            ({ kind, chars, isShortened }) => kind === "result" && isShortened !== true && chars > 900,
          );
        expect(isFit || isLeast).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is left alone by the fold at every other place", () => {
    fc.assert(
      fc.property(any, fc.integer({ min: -2, max: 40 }), (state, dropped) => {
        if (!mayCutAt(state, dropped)) return;
        const after = compact(state, dropped);
        expect(after.window.length).toBeLessThan(state.window.length);
        expect(firstSaid(after)?.kind).toBe("input");
        expect(after.window.some((entry) => entry.at === state.run?.inputAt)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
