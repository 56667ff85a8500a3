import type { AgentDefinition, Runtime, Schedule } from "holdfast";

/** Looks over the day's orders every night, in a session that remembers the nights before. */
export const planNightly = async (
  runtime: Runtime,
  agent: AgentDefinition<unknown, never>,
): Promise<Schedule> => {
  // #region nightly
  const nightly = await runtime.schedules.create({
    id: "nightly-orders",
    agent,
    input: "Look over the orders of the day and say what needs a person.",
    cron: "30 2 * * *",
    timeZone: "Europe/Berlin",
    sessionKey: "night-watch",
    tenant: "acme",
    missed: "once",
    overlap: "skip",
  });
  // #endregion nightly
  return nightly;
};

export const lookAfter = async (runtime: Runtime): Promise<string> => {
  // #region look-after
  await runtime.schedules.pause("nightly-orders");
  await runtime.schedules.resume("nightly-orders");
  const { runId } = await runtime.schedules.runNow("nightly-orders");
  // #endregion look-after
  return runId;
};
