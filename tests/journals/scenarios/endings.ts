import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
} from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import {
  comeToRest,
  never,
  openScene,
  type Scenario,
  type Scene,
  sendAndLeave,
  sendAndWait,
  use,
} from "../scenario.ts";

const useThenSay = (...names: readonly string[]) =>
  recordingModel(({ toolResults, lastUserText }) =>
    lastUserText.startsWith("Use") && toolResults.length === 0
      ? { toolCalls: names.map((name) => ({ name, input: {} })) }
      : { text: "Well then." },
  );

/** An engine keeps quiet about late failures; the journal has a place for them, and a signal brings one there. */
const tellOfLateFailure = async ({ test, session }: Scene, runId: string): Promise<void> => {
  const [deaf] = headersOf(await journalOf(test, session.id), "tool-call.late");
  const callId = deaf?.callId.replace(/_0$/, "_1");
  const failure = { code: "TOOL_FAILED", message: "torn", retryable: true };
  const body = JSON.stringify({ callId, attempt: 1, status: "failed", content: { failure } });
  const sessionId = session.id;
  await test.store.post([{ sessionId, kind: "late", dedupeKey: "late:torn", runId, body, blobs: [] }]);
};

const cancelled: Scenario = {
  name: "cancelled-with-late-results",
  about: "Cancelled with two deaf reads, an open write and a call not begun; one run never left the queue.",
  play: async () => {
    const door = makeDoor();
    const tools = [
      toolOf({ name: "deaf", effect: "read", execute: () => door.opened.then(() => "late news") }),
      toolOf({ name: "torn", effect: "read", execute: never }),
      toolOf({ name: "pay", effect: "write", execute: never }),
      toolOf({ name: "last", effect: "read", execute: () => "never begun" }),
    ];
    const limits = { maxParallelToolCalls: 3 };
    const scene = await openScene(
      agentOf({ model: useThenSay("deaf", "torn", "pay", "last"), tools, limits }),
    );
    const run = await sendAndLeave(scene, "Use them.");
    const queued = await sendAndLeave(scene, "Never mind.");
    await queued.cancel("not needed");
    await run.cancel("enough");
    await comeToRest(scene.test, run);
    door.open();
    await scene.test.advanceTime(3_000);
    await tellOfLateFailure(scene, run.id);
    await sendAndWait(scene, "What now?");
    return scene;
  },
};

const cancelledInFlight: Scenario = {
  name: "cancelled-last",
  about: "A model call stopped in flight; then a run cancelled while it waits for a time.",
  play: async () => {
    const model = recordingModel([
      { hang: true },
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 3_600_000 } },
    ]);
    const scene = await openScene(agentOf({ model }));
    for (const text of ["one", "two"]) {
      const run = await sendAndLeave(scene, text);
      await run.cancel();
      await comeToRest(scene.test, run);
    }
    return scene;
  },
};

const expired: Scenario = {
  name: "out-of-time",
  about: "A run reaches its time limit with a write in flight; the next one is worked.",
  play: async () => {
    const tools = [toolOf({ name: "pay", effect: "write", timeoutMs: 600_000, execute: never })];
    const limits = { maxDurationMs: 30_000 };
    const scene = await openScene(agentOf({ model: useThenSay("pay"), tools, limits }));
    await sendAndWait(scene, "Use it.");
    await sendAndWait(scene, "What now?");
    return scene;
  },
};

const failedLast: Scenario = {
  name: "failed-last",
  about: "The last run failed, because its model call did.",
  play: async () => {
    const model = recordingModel([{ text: "Fine." }, { fail: { code: "MODEL_REQUEST_REJECTED" } }]);
    const scene = await openScene(agentOf({ model }));
    await sendAndWait(scene, "one");
    await sendAndWait(scene, "two");
    return scene;
  },
};

const queued: Scenario = {
  name: "in-flight",
  about: "Cut off while one tool is in flight, one has answered, and two runs wait behind.",
  play: async () => {
    const tools = [
      toolOf({ name: "slow", effect: "read", execute: never }),
      toolOf({ name: "quick", effect: "read", execute: () => "done" }),
    ];
    const scene = await openScene(agentOf({ model: useThenSay("slow", "quick"), tools }));
    await sendAndLeave(scene, "Use both.");
    await sendAndLeave(scene, "second");
    await sendAndLeave(scene, "third");
    return scene;
  },
};

const suspendedOnTime: Scenario = {
  name: "waits-for-a-time",
  about: "Suspended until the provider allows another attempt.",
  play: async () => {
    const model = recordingModel([
      use("look"),
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 60_000 } },
    ]);
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const scene = await openScene(agentOf({ model, tools: [look] }));
    await sendAndLeave(scene, "Look.");
    return scene;
  },
};

export const ENDINGS: readonly Scenario[] = [
  cancelled,
  cancelledInFlight,
  expired,
  failedLast,
  queued,
  suspendedOnTime,
];
