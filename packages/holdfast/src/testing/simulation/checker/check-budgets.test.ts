import { beforeAll, describe, expect, test } from "vitest";
import type { EventHeader, JournalEvent } from "../../../core/event.ts";
import { openEvent } from "../../../core/journal-codec.ts";
import { checkAccounts, checkBudgets } from "./check-budgets.ts";
import { checkRepeats } from "./check-repeats.ts";
import type { History } from "./history.ts";
import type { Violation } from "./rules.ts";
import { simulate } from "../../simulation/simulate.ts";

const MOST_SEEDS = 400;

/** The first world in which there is such an event, as it was and with that event changed. */
class Forger {
  readonly histories: History[] = [];

  find(isMeant: (event: JournalEvent) => boolean): { history: History; events: readonly JournalEvent[] } {
    for (const history of this.histories) {
      for (const [id, stored] of history.journals) {
        const events = stored.map(openEvent);
        const isErased = history.erasures?.some((one) => one.sessionId === id) === true;
        if (!isErased && events.some(isMeant)) return { history, events };
      }
    }
    throw new TypeError("no world has such an event");
  }

  judge(
    isMeant: (event: JournalEvent) => boolean,
    change: (header: EventHeader) => EventHeader,
  ): readonly Violation[] {
    const { history, events } = this.find(isMeant);
    const place = events.find(isMeant)?.position;
    const forged = events.map((event) =>
      event.position === place ? { ...event, header: change(event.header) } : event,
    );
    const session = {
      sessionId: "s",
      events: forged,
      effects: [],
      acknowledged: [],
      models: [],
      whole: history,
    };
    return [...checkBudgets(session), ...checkRepeats(session)];
  }
}

describe("a history of runs with limits", () => {
  const forger = new Forger();

  beforeAll(async () => {
    for (let seed = 1; seed < MOST_SEEDS && forger.histories.length < 9; seed += 1) {
      const { history } = await simulate({ seed, steps: 40 });
      if ((history.accounts ?? []).length > 0) forger.histories.push(history);
    }
  }, 300_000);

  test("E8: is good as it is", () => {
    const asItIs = (header: EventHeader): EventHeader => header;
    expect(forger.judge(({ header }) => header.type === "budget.refused", asItIs)).toEqual([]);
    expect(forger.judge(({ header }) => "repeats" in header && header.repeats > 1, asItIs)).toEqual([]);
  });

  test("E8: in which nothing, or too little, is set aside for a call is seen", () => {
    const isBudgeted = ({ header }: JournalEvent): boolean =>
      header.type === "model-call.started" && header.reserved !== null;
    for (const change of [null, { costUsd: 9 }, { outputTokens: 99_999 }]) {
      const found = forger.judge(isBudgeted, (header) =>
        header.type === "model-call.started" && header.reserved !== null
          ? { ...header, reserved: change === null ? null : { ...header.reserved, ...change } }
          : header,
      );
      expect(found.map(({ rule }) => rule)).toContain("budget-passed");
    }
  });

  test("E8: in which a call is refused without a reason is seen", () => {
    const isRefused = ({ header }: JournalEvent): boolean => header.type === "budget.refused";
    const found = forger.judge(isRefused, (header) => ({ ...header, needed: 0, spent: 0 }) as EventHeader);
    expect(found.map(({ rule }) => rule)).toContain("budget-passed");
  });

  test("E8: in which a repetition is counted wrongly is seen", () => {
    const isRepeated = ({ header }: JournalEvent): boolean => "repeats" in header && header.repeats > 1;
    for (const repeats of [1, 7]) {
      const found = forger.judge(isRepeated, (header) => ({ ...header, repeats }) as EventHeader);
      expect(found.map(({ rule }) => rule)).toContain("repeats-wrong");
    }
  });

  test("E8: in which an account holds something else than its journals say is seen", () => {
    const history = forger.histories.find(({ strangers }) => (strangers ?? []).length === 0);
    if (history === undefined) throw new TypeError("every world has a stranger");
    const journals = [...history.journals.values()].map((stored) => stored.map(openEvent));
    expect(checkAccounts(history, journals)).toEqual([]);
    for (const change of [{ total: 1e12 }, { reserved: 77 }]) {
      const accounts = history.accounts?.map((one) => ({ ...one, ...change })) ?? [];
      const [found] = checkAccounts({ ...history, accounts }, journals);
      expect(found?.rule).toBe("account-wrong");
    }
  });
});
