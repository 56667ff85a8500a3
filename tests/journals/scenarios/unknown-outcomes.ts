import type { VerifyResult } from "holdfast";
import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { askedCall, comeToRest, openScene, sendAndWait, type Scenario, use } from "../scenario.ts";

const payThenSay = () =>
  recordingModel(({ toolResults }) => (toolResults.length > 0 ? { text: "So it is." } : use("pay")));

const broken = (): never => {
  throw new TypeError("socket hang up");
};

const resolved: Scenario = {
  name: "unknown-outcomes-resolved",
  about:
    "Writes of unknown outcome that people answer for: done, failed, make it again, and one nobody has answered.",
  play: async () => {
    let isMended = false;
    const pay = toolOf({ name: "pay", effect: "write", execute: () => (isMended ? "paid" : broken()) });
    const scene = await openScene(agentOf({ model: payThenSay(), tools: [pay] }));
    const first = await sendAndWait(scene, "one");
    await scene.session.resolveCall(await askedCall(scene), {
      as: "completed",
      output: { receipt: 7 },
      by: "ann",
    });
    await comeToRest(scene.test, first);
    const second = await sendAndWait(scene, "two");
    await scene.session.resolveCall(await askedCall(scene), { as: "failed", message: "The bank refused." });
    await comeToRest(scene.test, second);
    const third = await sendAndWait(scene, "three");
    isMended = true;
    await scene.session.resolveCall(await askedCall(scene), { as: "retry", by: "bob" });
    await comeToRest(scene.test, third);
    isMended = false;
    await sendAndWait(scene, "four");
    return scene;
  },
};

/** A write whose first attempt breaks off; what `verify` says each time it is asked. */
const verifiedAs = (
  name: string,
  about: string,
  answers: readonly (VerifyResult<string> | null)[],
): Scenario => ({
  name,
  about,
  play: async () => {
    let [paid, looked] = [0, 0];
    const pay = toolOf({
      name: "pay",
      effect: "write",
      timeoutMs: 1_000,
      retry: { maxAttempts: 2, initialDelayMs: 10 },
      execute: () => {
        paid += 1;
        return paid === 1 ? broken() : "paid again";
      },
      verify: () => {
        const answer = answers[looked] ?? null;
        looked += 1;
        return answer ?? broken();
      },
    });
    const scene = await openScene(agentOf({ model: payThenSay(), tools: [pay] }));
    await sendAndWait(scene, "Pay.");
    await scene.test.advanceTime(600_000);
    await scene.test.clock.settle();
    return scene;
  },
});

export const UNKNOWN_OUTCOMES: readonly Scenario[] = [
  resolved,
  verifiedAs("verified-done", "A check that fails once, then finds the payment.", [
    null,
    { status: "done", output: "receipt 9" },
  ]),
  verifiedAs("verified-not-done", "The payment was not made, and is made again.", [{ status: "not-done" }]),
  verifiedAs("verified-unknown", "Even the check cannot tell: a person is asked.", [
    { status: "unknown", evidence: { looked: "twice" } },
  ]),
];
