import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { playCanaries, Watch, wordOf } from "./play-canaries.ts";

test("S1 O2 nothing of one session is seen in another, wherever one looks", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-canary-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const { sessions, searched, mixed } = await playCanaries({ sessions: 200, atOnce: 100, dataDir });
  expect(mixed).toEqual([]);
  expect(sessions).toBe(200);
  // Everywhere something was seen, as often as it had to be.
  expect(searched).toMatchObject({
    "model request": 800,
    outcome: 400,
    snapshot: 200,
    workspace: 400,
  });
  expect(searched["log"]).toBeGreaterThanOrEqual(800);
  expect(searched["journal"]).toBeGreaterThan(200 * 20);
});

test("the watch sees a word of another, and a secret of anybody", () => {
  const watch = new Watch();
  watch.look("here", wordOf(1), { mine: wordOf(1) });
  expect(watch.mixed).toEqual([]);
  watch.look("here", wordOf(1), `a ${wordOf(2)} among ${wordOf(1)}`);
  watch.look("here", wordOf(1), "key-0123456789ab");
  expect(watch.mixed).toHaveLength(2);
});
