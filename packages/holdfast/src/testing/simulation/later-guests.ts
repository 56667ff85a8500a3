import type { Timestamp } from "../../core/ids.ts";
import type { People } from "./people.ts";
import type { Simulation } from "./simulation.ts";

/** In so many of the worlds the conversations go on after a while; the others are as they would be without. */
const SHARE = 1 / 4;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** All is done and the machine is off for hours, days or months, and then people go on. False where they do not. */
export const comeBack = async (sim: Simulation, people: People): Promise<boolean> => {
  const random = sim.aside("days");
  if (!random.chance(SHARE) || !(await sim.isSettled())) return false;
  const ms = random.pick([random.between(20, 30) * HOUR_MS, random.between(1, 80) * DAY_MS]);
  for (const { process } of sim.living) process.suffers("clock", 0);
  sim.say(`come back after ${ms}`);
  sim.clock.jump(ms);
  people.comeBack();
  return true;
};

/** What a model is to be told before an input that comes so long after the end of what was said before; nothing within a day. */
export const passedLine = (endedAt: Timestamp, acceptedAt: Timestamp): string => {
  const days = Math.floor((acceptedAt - endedAt) / DAY_MS);
  if (days < 1) return "";
  const [now, then] = [acceptedAt, endedAt].map((at) => `${new Date(at).toISOString().slice(0, 16)}Z`);
  const earlier = `${days} day${days === 1 ? "" : "s"} earlier`;
  return `[Time has passed: what follows is said at ${now}. The conversation before it ended at ${then}, ${earlier}.]`;
};
