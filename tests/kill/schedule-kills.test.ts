import { expect, it } from "vitest";
import { killSchedules } from "./schedule-kills.ts";

it("J5 each tick is accepted once, with two processes that are killed again and again", async () => {
  const tally = await killSchedules({ schedules: 12, ticks: 6, kills: 4 });
  expect(tally).toEqual({ expected: 72, accepted: 72, lost: 0, double: 0, kills: 4 });
}, 120_000);
