/** Which promises the simulation can see broken, and which it cannot. */

/** Each of these has a guard in the source. */
export const IN_SCOPE = "J1 J2 J3 J4 J5 J6 E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 S1 S3 S4 S5 S6 O3".split(" ");

/** The others, and why: not built, or of a world that the simulation does not have. */
export const OUT_OF_SCOPE: Readonly<Record<string, string>> = {
  S2: "virtual time stands still while a function holds the event loop, and real threads and processes have real time: tested in runtime/stalls.test.ts and runtime/isolated-tools.test.ts",
  O1: "traces leave through a collector, and the simulated processes have none: runtime/telemetry.test.ts",
  O2: "nothing in the redactor is marked: simulated tools give secrets away in every spelling, and its mutants are generated",
};
