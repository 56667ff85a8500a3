import { describe, expect, it } from "vitest";
import { answered, append, callingModel, header, openRun, ready, START } from "./journal-builder.fixture.ts";
import type { OpenRun } from "./session-state.ts";
import { definitionAfter, holdForUpgrade, planUpgrade } from "./upgrade.ts";
import type { OnUpgrade } from "./upgrade-terms.ts";

const NOW = START + 1_000;
const HERE = { name: "clerk", version: "2", digest: "here" };

const under = (onUpgrade: OnUpgrade, run = openRun(ready().state)): OpenRun => ({
  ...run,
  definition: { version: "1", digest: "own", onUpgrade, left: [] },
});

describe("an open run in a process with another definition", () => {
  it.each([
    ["migrate", "migrate"],
    ["pin", "wait"],
    ["ask", "ask"],
  ] as const)("S6: under the rule %s: %s", (rule, plan) => {
    expect(planUpgrade(under(rule), "here")).toEqual({ kind: plan });
    expect(planUpgrade(under(rule), "own")).toEqual({ kind: "same" });
  });

  it("S6: waits for its own by name and digest, or for an operator who is told both", () => {
    expect(holdForUpgrade(under("migrate"), HERE, NOW)).toEqual([]);
    expect(holdForUpgrade(under("pin"), HERE, NOW)).toMatchObject([
      { header: { waitingFor: [{ kind: "definition", name: "clerk@1", digest: "own" }] } },
    ]);
    expect(holdForUpgrade(under("ask"), HERE, NOW)).toMatchObject([
      { header: { waitingFor: [{ kind: "operator", from: "clerk@1", to: "clerk@2", digest: "here" }] } },
    ]);
  });

  it("S6 E5: is left alone when it is at its end, is being stopped, has something in flight, or is held", () => {
    const operator = { since: START, waitingFor: [{ kind: "operator", reason: "restored" }] } as const;
    for (const run of [
      under("pin", openRun(answered().state)),
      under("pin", openRun(callingModel().state)),
      { ...under("pin"), stopping: "cancelled" } as const,
      { ...under("pin"), suspended: operator },
    ])
      expect(holdForUpgrade(run, HERE, NOW)).toEqual([]);
  });

  it("S6 E8: says first of a call that is lost what it is charged", () => {
    const lost = append(callingModel(), header("session.recovered"));
    const drafts = holdForUpgrade(under("pin", openRun(lost.state)), HERE, NOW);
    expect(drafts.map((draft) => draft.header.type)).toEqual(["model-call.failed", "run.suspended"]);
  });

  it("S6: goes on with what was asked about, and is not asked about what it left", () => {
    const [asked] = holdForUpgrade(under("ask"), HERE, NOW);
    if (asked?.header.type !== "run.suspended") throw new TypeError("it does not ask");
    const { waitingFor } = asked.header;
    const definition = definitionAfter({ ...under("ask"), suspended: { since: START, waitingFor } });
    expect(definition).toEqual({ version: "2", digest: "here", onUpgrade: "ask", left: ["own"] });
    expect(planUpgrade({ ...under("ask"), definition }, "own")).toEqual({ kind: "wait" });
    expect(planUpgrade({ ...under("ask"), definition }, "third")).toEqual({ kind: "ask" });
  });
});
