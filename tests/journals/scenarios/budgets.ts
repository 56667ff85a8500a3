import {
  CHEAP,
  DEAR,
  prices,
  settings,
  USED,
} from "../../../packages/holdfast/src/testing/priced-models.fixture.ts";
import {
  agentOf,
  recordingModel,
  makeDoor,
  toolOf,
} from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { comeToRest, openScene, type Scenario, sendAndLeave, sendAndWait, use } from "../scenario.ts";
import { handOffTool } from "holdfast";
import type { Model } from "holdfast/ports";

const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });

const capped: Scenario = {
  name: "limits-of-runs",
  about:
    "A run that goes to a cheaper model; one that ends at its limit, which this send tightened; one that used too much.",
  play: async () => {
    const dear = recordingModel(
      [
        { ...use("look"), usage: USED },
        { ...use("look"), usage: USED },
        { ...use("look"), usage: { inputTokens: 90_000, outputTokens: 900 } },
      ],
      DEAR,
    );
    const cheap = recordingModel([{ text: "Seen twice.", usage: USED }], CHEAP);
    const limits = { maxCostUsd: 0.02, onLimit: "degrade" } as const;
    const scene = await openScene(agentOf({ model: [dear, cheap], tools: [look], limits, settings }), {
      prices,
    });
    await sendAndWait(scene, "Look twice.");
    const run = await scene.session.send("Look again.", { limits: { maxCostUsd: 0.012 } });
    await comeToRest(scene.test, run);
    return scene;
  },
};

const handedOver: Scenario = {
  name: "limit-that-hands-over",
  about:
    "A run that another agent, with a cheaper model, goes on with when its own is too dear for what is left.",
  play: async () => {
    const dear = recordingModel(
      ({ index }) => (index < 2 ? { ...use("look", { index }), usage: USED } : { text: "I am back." }),
      DEAR,
    );
    const cheap = recordingModel(
      [
        { text: "Seen twice.", usage: USED },
        { ...use("back", { message: "yours" }), usage: USED },
      ],
      CHEAP,
    );
    const back = handOffTool("clerk", { name: "back", description: "gives back" });
    const junior = agentOf({ name: "junior", model: cheap, tools: [back], settings });
    const limits = { maxCostUsd: 0.0205, onLimit: { handOffTo: "junior" } };
    const senior = agentOf({ model: dear, tools: [look], limits, settings });
    const scene = await openScene(senior, { prices, agents: [senior, junior] });
    await sendAndWait(scene, "Look twice.");
    await sendAndWait(scene, "Give it back.");
    return scene;
  },
};

const asking: Scenario = {
  name: "limits-that-are-raised",
  about: "A run asks for more, is given it, and makes the same call with the same result again.",
  play: async () => {
    const model = recordingModel(
      ({ index }) =>
        index < 3 ? { ...use("look", { at: "harbour" }), usage: USED } : { text: "Seen.", usage: USED },
      DEAR,
    );
    const limits = { maxCostUsd: 0.015, onLimit: "ask", maxRepeats: 2 } as const;
    const scene = await openScene(agentOf({ model, tools: [look], limits, settings }), { prices });
    await sendAndWait(scene, "Look.");
    await scene.session.raiseBudget({ addCostUsd: 0.05, by: "ann" });
    await scene.test.advanceTime(60_000);
    return scene;
  },
};

const shared: Scenario = {
  name: "budget-of-a-tenant",
  about: "Each day a budget: one run waits for what another has set aside, one for the next day.",
  play: async () => {
    const door = makeDoor();
    const little = { inputTokens: 50, outputTokens: 50 };
    const base = recordingModel(({ index }) => ({ text: "Done.", usage: index === 0 ? little : USED }), DEAR);
    let asked = 0;
    const model: Model = {
      ...DEAR,
      call: async (request) => {
        asked += 1;
        if (asked === 1) await door.opened;
        return base.call(request);
      },
    };
    const budgets = [
      { name: "day", scope: "tenant", period: "day", maxCostUsd: 0.013, maxTokens: 9_000, onLimit: "ask" },
    ] as const;
    const agent = agentOf({ model, settings });
    const scene = await openScene(agent, { prices, budgets });
    const other = await scene.test.runtime.createSession(agent, { tenant: "acme" });
    await other.send("Take your time.");
    await scene.test.clock.settle();
    const run = await sendAndLeave(scene, "Your turn.");
    await scene.test.advanceTime(10_000);
    door.open();
    await scene.test.advanceTime(60_000);
    await comeToRest(scene.test, run);
    const last = await scene.session.send("And mine.");
    await scene.test.advanceTime(5_000);
    await comeToRest(scene.test, last);
    return scene;
  },
};

export const BUDGETS: readonly Scenario[] = [capped, handedOver, asking, shared];
