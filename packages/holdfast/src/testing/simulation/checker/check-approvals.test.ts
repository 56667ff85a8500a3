import { beforeAll, describe, expect, test } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../../../core/hash-chain.ts";
import type { HeaderOf, JournalEvent } from "../../../core/event.ts";
import { openEvent, sealEvent } from "../../../core/journal-codec.ts";
import { sha256 } from "../../../runtime/index.ts";
import { simulate } from "../../simulation/simulate.ts";
import { checkHistory } from "./history-checker.ts";
import type { History } from "./history.ts";
import type { Rule } from "./rules.ts";

const seal = (events: readonly JournalEvent[]): readonly StoredEvent[] => {
  let end = { position: 0, hash: GENESIS_HASH, at: 0 };
  return events.map(({ header, payload, epoch, at }) => {
    const salt = (): Uint8Array => new Uint8Array(32);
    const { stored } = sealEvent({ ...end, at: 0 }, { header, payload }, { sha256, epoch, now: at, salt });
    end = { position: stored.position, hash: stored.hash, at };
    return stored;
  });
};

type Decided = JournalEvent & { readonly header: HeaderOf<"approval.decided"> };

const isGranting = (event: JournalEvent): event is Decided =>
  event.header.type === "approval.decided" &&
  event.header.verdict === "approve" &&
  event.header.by === "person";

describe("a history with approvals", () => {
  let good: History = { sha256, journals: new Map(), effects: [], acknowledged: [] };
  let sessionId = "";
  let journal: readonly JournalEvent[] = [];

  beforeAll(async () => {
    for (let seed = 1; sessionId === ""; seed += 1) {
      const { history, violations } = await simulate({ seed });
      if (violations.length > 0) continue;
      for (const [id, stored] of history.journals) {
        const events = stored.map(openEvent);
        const found = events.find(
          (event) =>
            isGranting(event) &&
            events.some(
              ({ header }) => header.type === "tool-call.started" && header.callId === event.header.callId,
            ) &&
            events.some(
              ({ header }) =>
                header.type === "approval.requested" &&
                header.callId === event.header.callId &&
                header.terms.quorum === 1,
            ),
        );
        if (found === undefined) continue;
        [good, sessionId, journal] = [history, id, events];
      }
    }
  }, 120_000);

  const rulesOf = (history: History): readonly Rule[] => [
    ...new Set(
      checkHistory(history)
        .filter((one) => one.sessionId === sessionId && one.promise === "E4")
        .map(({ rule }) => rule),
    ),
  ];

  const forged = (forge: (events: readonly JournalEvent[]) => readonly JournalEvent[]): readonly Rule[] =>
    rulesOf({ ...good, journals: new Map([[sessionId, seal(forge(journal))]]) });

  const granted = (): Decided => {
    const found = journal
      .filter(isGranting)
      .find((event) =>
        journal.some(
          ({ header }) => header.type === "tool-call.started" && header.callId === event.header.callId,
        ),
      );
    if (found === undefined) throw new TypeError("nothing was granted");
    return found;
  };

  test("E4: as it was played is in order", () => {
    expect(rulesOf(good)).toEqual([]);
  });

  test("E4: in which a call starts before it is approved, or nobody was asked, is seen", () => {
    expect(forged((events) => events.filter((event) => event !== granted()))).toContain("approval-wrong");
    const { callId } = granted().header;
    const unasked = forged((events) =>
      events.filter(
        ({ header }) =>
          !(header.type.startsWith("approval.") && "callId" in header && header.callId === callId),
      ),
    );
    expect(unasked).toContain("approval-wrong");
  });

  test("E4: in which a decision counts twice, or for an earlier question, is seen", () => {
    const twice = forged((events) =>
      events.flatMap((event) => (event === granted() ? [event, event] : [event])),
    );
    expect(twice).toContain("approval-wrong");
    const earlier = forged((events) =>
      events.map((event) =>
        event === granted() ? { ...event, header: { ...granted().header, ask: 7 } } : event,
      ),
    );
    expect(earlier).toContain("approval-wrong");
  });

  test("E4: in which a decision that was taken does not count is seen", () => {
    const { callId, ask } = granted().header;
    const approvalId = `apr_${callId}_${ask}`;
    const decision = { sessionId, callId, approvalId, isLone: true } as const;
    expect(rulesOf({ ...good, decisions: [{ ...decision, verdict: "approve" }] })).toEqual([]);
    expect(rulesOf({ ...good, decisions: [{ ...decision, verdict: "reject" }] })).toEqual(["approval-lost"]);
  });
});
