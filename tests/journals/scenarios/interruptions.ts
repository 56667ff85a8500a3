import {
  agentOf,
  recordingModel,
  toolOf,
  makeDoor,
} from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { comeToRest, openScene, type Scenario, sendAndLeave, use } from "../scenario.ts";

const steered: Scenario = {
  name: "steered-and-interrupted",
  about: "An input joins the active run, another becomes a run of its own, and a third interrupts that.",
  play: async () => {
    const doors = [makeDoor(), makeDoor()];
    let entered = 0;
    const wait = toolOf({
      name: "wait",
      effect: "read",
      execute: () => {
        entered += 1;
        return doors[entered - 1]?.opened.then(() => "open");
      },
    });
    const model = recordingModel(({ lastUserText }) =>
      lastUserText.startsWith("Wait") ? use("wait") : { text: `Heard: ${lastUserText}` },
    );
    const scene = await openScene(agentOf({ model, tools: [wait] }));
    const { session, test } = scene;
    const first = await sendAndLeave(scene, "Wait.");
    await session.send("In French, please.", { whenActive: "steer" });
    await test.clock.settle();
    doors[0]?.open();
    await comeToRest(test, first);
    const second = await sendAndLeave(scene, "Wait again.");
    const late = await session.send("And this.", { whenActive: "steer" });
    const urgent = await session.send("Stop, this first.", { whenActive: "interrupt" });
    for (const run of [second, urgent, late]) await comeToRest(test, run);
    return scene;
  },
};

export const INTERRUPTIONS: readonly Scenario[] = [steered];
