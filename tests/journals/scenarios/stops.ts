import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
} from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { comeToRest, never, openScene, type Scenario, sendAndLeave, sendAndWait, use } from "../scenario.ts";

const stopped: Scenario = {
  name: "stopped-rolled-back-and-paused",
  about:
    "A write is cancelled and given up, another run is taken back, and the session is paused for a while.",
  play: async () => {
    const pay = toolOf({ name: "pay", effect: "write", execute: never });
    const model = recordingModel(({ lastUserText, toolResults }) =>
      lastUserText.startsWith("Pay") && toolResults.length === 0 ? use("pay") : { text: "Well then." },
    );
    const scene = await openScene(agentOf({ model, tools: [pay] }));
    const { session, test } = scene;
    const first = await sendAndLeave(scene, "Pay.");
    const [started] = headersOf(await journalOf(test, session.id), "tool-call.started");
    const callId = started?.callId ?? "";
    await session.cancelCall(callId);
    await comeToRest(test, first);
    await session.cancelCall(callId);
    await test.advanceTime(1_000);
    const second = await sendAndLeave(scene, "Pay again.");
    await second.cancel({ mode: "rollback" });
    await comeToRest(test, second);
    const third = await sendAndLeave(scene, "Pay once more.");
    await session.pause("lunch");
    await test.advanceTime(60_000);
    await session.resume();
    await third.cancel();
    await comeToRest(test, third);
    await session.pause();
    await sendAndLeave(scene, "Wait.");
    await session.resume();
    await sendAndWait(scene, "What now?");
    return scene;
  },
};

const paused: Scenario = {
  name: "paused",
  about: "Cut off while it is paused, with a run that waits for that.",
  play: async () => {
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const model = recordingModel([
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 60_000 } },
      use("look"),
    ]);
    const scene = await openScene(agentOf({ model, tools: [look] }));
    await sendAndLeave(scene, "Look.");
    await scene.session.pause();
    await scene.test.advanceTime(1_000);
    return scene;
  },
};

export const STOPS: readonly Scenario[] = [stopped, paused];
