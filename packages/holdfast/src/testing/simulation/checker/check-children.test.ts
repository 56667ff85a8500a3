import { beforeAll, describe, expect, test } from "vitest";
import { simulate } from "../../simulation/simulate.ts";
import { openEvent } from "../../../core/journal-codec.ts";
import type { EventHeader, JournalEvent } from "../../../core/event.ts";
import type { StoredEvent } from "../../../core/hash-chain.ts";
import type { SessionId } from "../../../core/ids.ts";
import { NO_SPEND } from "../../../core/usage.ts";
import { checkChildren } from "./check-children.ts";
import type { History } from "./history.ts";
import type { Rule } from "./rules.ts";

type Team = NonNullable<History["team"]>;
type Journal = readonly StoredEvent[];

const headerOf = (stored: StoredEvent): EventHeader => openEvent(stored).header;

/** The event with something else in its header: the rules ask what it says, not whether its hash is right. */
const rewritten = (stored: StoredEvent, change: (header: EventHeader) => object): StoredEvent => {
  const { v, position, at, epoch, content }: JournalEvent = openEvent(stored);
  const header = { v, position, at, epoch, content, ...change(headerOf(stored)) };
  return { ...stored, header: JSON.stringify(header) };
};

describe("a history in which agents ask each other", () => {
  let good: History;

  const isAnswer = (header: EventHeader): boolean =>
    header.type === "tool-call.completed" && header.by === "agent";
  const isAsked = (header: EventHeader): boolean =>
    header.type === "run.accepted" && header.calledBy !== null;

  const isRich = ({ team }: History): boolean => {
    const headers = [...(team?.journals.values() ?? [])].flat().map(headerOf);
    const answered = headers.filter(
      (header) => header.type === "tool-call.completed" && header.by === "agent",
    );
    const children = [...(team?.journals.values() ?? [])].map((journal) => journal.map(headerOf));
    const stopped = children.filter(
      (child) => child.some(isAsked) && child.some((header) => header.type === "run.cancelled"),
    );
    const limited = headers.some(
      (header) => header.type === "run.started" && (header.settings.budget?.maxTokens ?? null) !== null,
    );
    return answered.length > 2 && stopped.length > 0 && limited;
  };

  beforeAll(async () => {
    for (let seed = 1; good === undefined && seed < 400; seed += 1) {
      const { history, violations } = await simulate({ seed });
      if (violations.length === 0 && isRich(history)) good = history;
    }
    expect(good).toBeDefined();
  }, 120_000);

  const rulesOf = (change: (team: Team) => Partial<Team>): readonly Rule[] => {
    const { team } = good;
    if (team === undefined) return [];
    const forged = { ...good, team: { ...team, ...change(team) } };
    return [...new Set(checkChildren(forged).map(({ rule }) => rule))];
  };

  const journals = (change: (journal: Journal, id: SessionId) => Journal): readonly Rule[] =>
    rulesOf((team) => ({
      journals: new Map([...team.journals].map(([id, journal]) => [id, change(journal, id)])),
    }));

  /** Changes the first event of a kind, wherever it is. */
  const first = (
    isMeant: (header: EventHeader) => boolean,
    change: (stored: StoredEvent) => Journal,
  ): readonly Rule[] => {
    let isDone = false;
    return journals((journal) =>
      journal.flatMap((stored) => {
        if (isDone || !isMeant(headerOf(stored))) return [stored];
        isDone = true;
        return change(stored);
      }),
    );
  };

  test("J5 E3 E5 E8: that is as it should be is right", () => {
    expect(rulesOf(() => ({}))).toEqual([]);
  });

  test("E3: in which a call has no answer, or two, is seen", () => {
    expect(first(isAnswer, () => [])).toEqual(["child-wrong"]);
    expect(first(isAnswer, (stored) => [stored, stored])).toContain("child-wrong");
  });

  test("E3: in which an answer is another's is seen", () => {
    const payload = JSON.stringify({ output: { type: "text", value: "what nobody said" } });
    expect(first(isAnswer, (stored) => [{ ...stored, payload }])).toEqual(["child-wrong"]);
  });

  test("E8: in which a parent is charged what its child did not spend is seen", () => {
    const free = (header: EventHeader): object => ({ ...header, spent: { ...NO_SPEND, knownCostUsd: 1 } });
    expect(first(isAnswer, (stored) => [rewritten(stored, free)])).toContain("child-wrong");
  });

  test("J5: in which a child is asked twice, or for another call, is seen", () => {
    expect(first(isAsked, (stored) => [stored, stored])).toContain("child-wrong");
    const elsewhere = (header: EventHeader): object =>
      header.type === "run.accepted"
        ? { ...header, calledBy: { ...header.calledBy, callId: "call_9_9" } }
        : header;
    expect(first(isAsked, (stored) => [rewritten(stored, elsewhere)])).toContain("child-wrong");
  });

  test("E5: in which a child that was given up goes on is seen", () => {
    const children = (journal: Journal): boolean => journal.map(headerOf).some(isAsked);
    const withoutEnd = journals((journal) =>
      children(journal) ? journal.filter((stored) => headerOf(stored).type !== "run.cancelled") : journal,
    );
    expect(withoutEnd).toContain("child-left");
  });

  test("E8: in which a run and its children take more than they may is seen", () => {
    const dear = (header: EventHeader): object =>
      header.type === "model-call.completed"
        ? {
            ...header,
            charge: { ...header.charge, usage: { ...header.charge.usage, inputTokens: 1_000_000 } },
          }
        : header;
    expect(journals((journal) => journal.map((stored) => rewritten(stored, dear)))).toContain(
      "budget-passed",
    );
  });

  test("J1: in which an acknowledged input is not there is seen", () => {
    const lost = { sessionId: "ses_x", runId: "run_x" };
    expect(rulesOf(({ accepted }) => ({ accepted: [...accepted, lost] }))).toEqual(["input-missing"]);
  });
});
