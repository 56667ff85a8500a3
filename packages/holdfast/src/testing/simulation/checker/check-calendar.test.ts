import { beforeAll, describe, expect, test } from "vitest";
import { simulate } from "../../simulation/simulate.ts";
import { checkHistory } from "./history-checker.ts";
import type { History, PlannedTicks, Telling } from "./history.ts";
import type { Rule } from "./rules.ts";

type Calendar = NonNullable<History["calendar"]>;

describe("a history in which something is owed outside of sessions", () => {
  let good: History;

  beforeAll(async () => {
    for (let seed = 1; good === undefined && seed < 300; seed += 1) {
      const { history, violations } = await simulate({ seed });
      const ticks = history.calendar?.journals.size ?? 0;
      const tellings = history.calendar?.tellings.length ?? 0;
      if (violations.length === 0 && ticks > 4 && tellings > 4) good = history;
    }
    expect(good).toBeDefined();
  }, 60_000);

  const rulesOf = (change: (calendar: Calendar) => Partial<Calendar>): readonly Rule[] => {
    const { calendar } = good;
    if (calendar === undefined) return [];
    const forged = { ...good, calendar: { ...calendar, ...change(calendar) } };
    return [...new Set(checkHistory(forged).map((violation) => violation.rule))];
  };
  const planned = (change: (plan: PlannedTicks) => PlannedTicks): readonly Rule[] =>
    rulesOf((calendar) => ({ planned: calendar.planned.map(change) }));
  const told = (change: (tellings: readonly Telling[]) => readonly Telling[]): readonly Rule[] =>
    rulesOf(({ tellings }) => ({ tellings: change(tellings) }));

  test("J5 O3: that is as it should be is right", () => {
    expect(rulesOf(() => ({}))).toEqual([]);
  });

  test("J5: in which a tick was not run is seen", () => {
    expect(planned((plan) => ({ ...plan, endAt: plan.endAt + plan.everyMs }))).toEqual(["tick-missing"]);
    expect(planned((plan) => ({ ...plan, createdAt: null, isAcknowledged: true }))).toEqual(["tick-missing"]);
  });

  test("J5: in which a tick was run twice, or where there is none, is seen", () => {
    const twice = ({ journals }: Calendar): Partial<Calendar> => {
      const copies = [...journals].map(([id, events]) => [`${id}-again`, events] as const);
      return { journals: new Map([...journals, ...copies]) };
    };
    expect(rulesOf(twice)).toContain("tick-twice");
    expect(planned((plan) => ({ ...plan, startAt: plan.startAt + 1, endAt: plan.endAt + 1 }))).toContain(
      "tick-twice",
    );
    expect(planned((plan) => ({ ...plan, isShared: !plan.isShared }))).toEqual(["tick-twice"]);
  });

  test("O3: in which nobody was told of an end is seen", () => {
    const last = (tellings: readonly Telling[]): Telling | undefined =>
      tellings.findLast(({ isTaken }) => isTaken);
    const without = (tellings: readonly Telling[]): readonly Telling[] =>
      tellings.filter(({ id }) => id !== last(tellings)?.id);
    expect(told(without)).toEqual(["telling-missing"]);
    expect(told((tellings) => tellings.map((one) => ({ ...one, isTaken: false })))).toEqual([
      "telling-missing",
    ]);
  });

  test("O3: in which somebody was told wrongly, or out of order, is seen", () => {
    expect(told((tellings) => tellings.map((one) => ({ ...one, type: "run.begun" })))).toEqual([
      "telling-wrong",
    ]);
    expect(told((tellings) => tellings.map((one) => ({ ...one, order: -one.order })))).toEqual([
      "telling-wrong",
    ]);
    const renamed = (tellings: readonly Telling[]): readonly Telling[] => [
      ...tellings,
      ...tellings.map((one) => ({ ...one, id: `${one.id}-other` })),
    ];
    expect(told(renamed)).toEqual(["telling-wrong"]);
  });
});
