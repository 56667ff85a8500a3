import type { OnUpgrade } from "../../../packages/holdfast/src/core/upgrade-terms.ts";
import type { AgentDefinition } from "holdfast";
import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import {
  askedCall,
  nextProcess,
  openScene,
  type Scenario,
  type Scene,
  sendAndWait,
  use,
} from "../scenario.ts";

const versionOf = (version: string, onUpgrade: OnUpgrade): AgentDefinition => {
  const execute = (): never => {
    throw new TypeError("the line went dead");
  };
  const model = recordingModel(({ toolResults }) =>
    toolResults.length === 0 ? use("pay") : { text: `Paid by ${version}.` },
  );
  return agentOf({ version, onUpgrade, model, tools: [toolOf({ name: "pay", effect: "write", execute })] });
};

/** A run of the first version is answered where only the second is. */
const changed = async (rule: OnUpgrade): Promise<Scene> => {
  const scene = await openScene(versionOf("1", rule));
  await sendAndWait(scene, "Pay.");
  const next = await nextProcess(scene, { agents: [versionOf("2", rule)] });
  await next.session.resolveCall(await askedCall(next), { as: "completed", output: "paid" });
  await next.test.advanceTime(2_000);
  return next;
};

const pinned: Scenario = {
  name: "pinned-to-its-definition",
  about: "A run waits for its own version, and goes on where that is; the next one is of the newest.",
  play: async () => {
    const next = await changed("pin");
    const both = await nextProcess(next, { agents: [versionOf("1", "pin"), versionOf("2", "pin")] });
    await both.test.advanceTime(60_000);
    await sendAndWait(both, "Pay again.");
    return both;
  },
};

const asked: Scenario = {
  name: "asked-about-its-definition",
  about:
    "A run asks an operator whether it goes on with another version; it may, and is cut off while the next one asks.",
  play: async () => {
    const first = await changed("ask");
    await first.session.decideUpgrade("migrate");
    await first.test.advanceTime(2_000);
    await sendAndWait(first, "Pay again.");
    const third = await nextProcess(first, { agents: [versionOf("3", "ask")] });
    await third.session.resolveCall(await askedCall(third), { as: "completed", output: "paid" });
    await third.test.advanceTime(2_000);
    return third;
  },
};

export const UPGRADES: readonly Scenario[] = [pinned, asked];
