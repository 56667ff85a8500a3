import type { WorkloadPlan } from "./workload-plan.ts";

/** Processes that run side by side on one data directory, each with its own plan. */
export type Scenario = {
  readonly name: string;
  readonly plans: readonly WorkloadPlan[];
  /** Of all images; large ones take longer to put together and to look at. */
  readonly share: number;
};

const PLAN: WorkloadPlan = {
  sessions: 4,
  inputs: 3,
  turns: 4,
  argumentChars: 300,
  files: [0, 1_300_000, 30_000, 0, 6_000],
  erase: true,
  durability: "full",
  resumeOnly: false,
  giveUpAfterMs: 60_000,
};

export const SCENARIOS: readonly Scenario[] = [
  { name: "sessions", share: 0.4, plans: [PLAN] },
  { name: "two-processes", share: 0.3, plans: [PLAN, { ...PLAN, sessions: 3, files: [0, 50_000] }] },
  { name: "relaxed", share: 0.25, plans: [{ ...PLAN, durability: "relaxed" }] },
  // More than a log holds, so that it is moved into the database and begun again while others commit;
  // one session is long enough to have snapshots.
  {
    name: "checkpoints",
    share: 0.05,
    plans: [{ ...PLAN, sessions: 2, inputs: 11, turns: 14, files: [900_000], erase: false }],
  },
];
