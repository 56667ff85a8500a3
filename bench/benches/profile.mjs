/** Where the time goes, function by function, in both threads. */
import { join } from "node:path";
import { openHost } from "../parts/child.mjs";
import { table } from "../parts/statistics.mjs";

const HOST = new URL("../profile-host.mjs", import.meta.url);
const TOP = 15;

const rows = ({ busyMs, functions }) =>
  functions.slice(0, TOP).map(({ name, ms }) => [name, `${((100 * ms) / busyMs).toFixed(1)} %`]);

export const benchProfile = async ({ workDir, say }) => {
  say("profile at 64 sessions");
  const host = openHost(HOST, { turns: 20, dataDir: join(workDir, "profile") });
  const profiles = await host.ask({ sessions: 64, warmUps: 6, rounds: 20 });
  await host.close();
  const section = (title, profile) =>
    `${title}: busy for ${((100 * profile.busyMs) / profile.totalMs).toFixed(0)} % of the time, the profiler's own cost included.\n\n` +
    table(["self time", "of the busy time"], rows(profile));
  const text = `## Profile at 64 sessions × 20 turns

The ${TOP} functions with the most time of their own.

${section("Main thread", profiles.main)}

${section("Store thread", profiles.store)}`;
  return { text };
};
