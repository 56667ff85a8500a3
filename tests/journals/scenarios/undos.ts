import {
  agentOf,
  makeDoor,
  recordingModel,
  toolOf,
} from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { comeToRest, never, openScene, type Scenario, sendAndLeave, sendAndWait, use } from "../scenario.ts";

const unable = (): never => {
  throw new TypeError("socket hang up");
};

const all = (...names: readonly string[]) => ({
  toolCalls: names.map((name) => ({ name, input: {} })),
});

const book = (undo: () => unknown) =>
  toolOf({
    name: "book",
    effect: "write",
    toModelOutput: () => "A room is booked.",
    execute: () => ({ booking: 7 }),
    undo: { effect: "idempotent", execute: undo },
  });

const undone: Scenario = {
  name: "undone-and-not",
  about:
    "A run fails: one call is undone, one cannot be, one had no undo, one is given up; the next run is told. Another keeps all.",
  play: async () => {
    const pay = toolOf({ name: "pay", effect: "write", execute: () => "paid", undo: unable });
    const tell = toolOf({ name: "tell", effect: "write", execute: () => "told" });
    const send = toolOf({
      name: "send",
      effect: "write",
      execute: () => "sent",
      undo: { effect: "idempotent", retry: { maxAttempts: 1 }, execute: unable },
    });
    const model = recordingModel(({ lastUserText, toolResults }) => {
      if (lastUserText !== "Go.") return { text: "So be it." };
      if (toolResults.length === 0) return all("book", "pay", "tell", "send");
      return { fail: { code: "MODEL_REQUEST_REJECTED" } };
    });
    const tools = [book(() => undefined), pay, tell, send];
    const scene = await openScene(agentOf({ model, tools }));
    const { session, test } = scene;
    const run = await sendAndLeave(scene, "Go.");
    await test.advanceTime(1_000);
    const [pending] = await session.pending();
    await session.cancelCall(pending?.callId ?? "");
    await session.cancelCall(pending?.callId ?? "");
    await comeToRest(test, run);
    await sendAndWait(scene, "And now?");
    return scene;
  },
};

const takenBack: Scenario = {
  name: "undone-when-rolled-back",
  about:
    "A run is rolled back; of two calls that were under way one is found out about and undone, the other is not.",
  play: async () => {
    let isPaid = false;
    const pay = toolOf({
      name: "pay",
      effect: "write",
      timeoutMs: 1_000,
      execute: () => {
        isPaid = true;
        return never();
      },
      verify: () => (isPaid ? { status: "done", output: "paid" } : { status: "not-done" }),
      undo: { effect: "idempotent", execute: () => undefined },
    });
    const mail = toolOf({ name: "mail", effect: "write", execute: never, undo: unable });
    const scene = await openScene(
      agentOf({
        model: recordingModel([use("book"), all("pay", "mail")]),
        tools: [book(() => undefined), pay, mail],
      }),
    );
    const run = await sendAndLeave(scene, "Go.");
    await run.cancel({ mode: "rollback" });
    await comeToRest(scene.test, run);
    return scene;
  },
};

const undoing: Scenario = {
  name: "being-undone",
  about: "Cut off while a failed run is being undone, after somebody wanted it rolled back.",
  play: async () => {
    const model = recordingModel([use("book"), { fail: { code: "MODEL_REQUEST_REJECTED" } }]);
    const scene = await openScene(
      agentOf({ model, tools: [book(() => makeDoor().opened)], limits: { maxTurns: 9 } }),
    );
    const run = await sendAndLeave(scene, "Go.");
    await run.cancel({ mode: "rollback" });
    await scene.test.advanceTime(1_000);
    return scene;
  },
};

const kept: Scenario = {
  name: "kept-though-it-failed",
  about: "A run fails, and its agent keeps what it did.",
  play: async () => {
    const model = recordingModel([use("book"), { fail: { code: "MODEL_REQUEST_REJECTED" } }]);
    const agent = agentOf({ model, tools: [book(() => undefined)], whenFailed: "keep" });
    const scene = await openScene(agent);
    await sendAndWait(scene, "Go.");
    return scene;
  },
};

export const UNDOS: readonly Scenario[] = [undone, takenBack, undoing, kept];
