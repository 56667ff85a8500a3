import { beforeAll, describe, expect, test } from "vitest";
import { openEvent } from "../../../core/journal-codec.ts";
import { checkHistory } from "./history-checker.ts";
import type { History } from "./history.ts";
import type { Rule } from "./rules.ts";
import { simulate } from "../../simulation/simulate.ts";

describe("a history", () => {
  let good: History;

  beforeAll(async () => {
    const { history, violations } = await simulate({ seed: 1 });
    expect(violations).toEqual([]);
    good = history;
  }, 60_000);

  const rulesOf = (history: History): readonly Rule[] => checkHistory(history).map(({ rule }) => rule);

  test("J6: in which inputs are read together, and not as they were posted, is seen", () => {
    for (const [sessionId, stored] of good.journals) {
      const runs = stored.flatMap((event) => {
        const { header } = openEvent(event);
        return header.type === "run.accepted" ? [header.runId] : [];
      });
      if (runs.length < 2) continue;
      const written = [{ sessionId, writer: "x", epoch: 1, events: stored }];
      const posted = runs
        .toReversed()
        .map((runId, at) => ({ sessionId, by: `${at}`, at, kind: "input", runId, key: null }));
      expect(rulesOf({ ...good, written, posted })).toContain("read-out-of-order");
      return;
    }
    expect.fail("no session has two inputs");
  });

  test("J6: in which a session is worked in vain is seen", () => {
    const [sessionId = ""] = good.journals.keys();
    const refused = Array.from({ length: 40 }, () => ({ sessionId, by: "x", written: 1 }));
    expect(rulesOf({ ...good, refused })).toContain("worked-in-vain");
    expect(rulesOf({ ...good, refused: refused.slice(0, 9) })).not.toContain("worked-in-vain");
  });

  test("E2: in which an attempt is verified while it is being verified is seen", () => {
    const [sessionId = ""] = good.journals.keys();
    const one = { sessionId, callId: "call", attempt: 1, by: "x", until: null, began: { order: 1, ms: 1 } };
    const two = { ...one, began: { order: 2, ms: 2 } };
    expect(rulesOf({ ...good, checks: [one, two] })).toContain("verified-twice");
    const ended = { order: 2, ms: 2 };
    expect(
      rulesOf({
        ...good,
        checks: [
          { ...one, ended },
          { ...two, began: { order: 3, ms: 3 } },
        ],
      }),
    ).not.toContain("verified-twice");
  });
});
