import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { comeToRest, openScene, type Scenario, sendAndLeave, use } from "../scenario.ts";

const DAY_MS = 86_400_000;

const suspendsItself: Scenario = {
  name: "tools-that-wait",
  about:
    "One tool waits for a time, one for a signal that comes, one for a signal that does not; cut off at a fourth.",
  play: async () => {
    let now = (): number => 0;
    const sleep = toolOf({
      name: "sleep",
      effect: "read",
      execute: (_, { resume, suspend }) => (resume === null ? suspend({ until: now() + DAY_MS }) : resume.by),
    });
    const hear = toolOf({
      name: "hear",
      effect: "write",
      execute: (_, { resume, suspend }) =>
        resume === null ? suspend({ signal: "paid", timeoutMs: DAY_MS }) : resume.by,
    });
    const model = recordingModel(({ lastUserText, toolResults }) => {
      if (toolResults.length > 0) return { text: "Well then." };
      return use(lastUserText === "Sleep." ? "sleep" : "hear");
    });
    const scene = await openScene(agentOf({ model, tools: [sleep, hear] }));
    const { session, test } = scene;
    now = () => test.clock.now();
    const sleeping = await sendAndLeave(scene, "Sleep.");
    await test.advanceTime(DAY_MS + 2_000);
    await comeToRest(test, sleeping);
    const hearing = await sendAndLeave(scene, "Hear.");
    await session.signal("paid", { cents: 5 });
    await test.advanceTime(1_000);
    await comeToRest(test, hearing);
    await sendAndLeave(scene, "Hear again.");
    await test.advanceTime(DAY_MS + 2_000);
    await sendAndLeave(scene, "Hear for ever.");
    return scene;
  },
};

export const SUSPENSIONS: readonly Scenario[] = [suspendsItself];
