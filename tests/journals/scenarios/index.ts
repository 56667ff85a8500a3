import type { Scenario } from "../scenario.ts";
import { ANSWERS } from "./answers.ts";
import { BUDGETS } from "./budgets.ts";
import { DEATHS } from "./deaths.ts";
import { ENDINGS } from "./endings.ts";
import { INTERRUPTIONS } from "./interruptions.ts";
import { MEMORIES } from "./memories.ts";
import { MODEL_FAILURES } from "./model-failures.ts";
import { PEOPLE } from "./people.ts";
import { STOPS } from "./stops.ts";
import { SUSPENSIONS } from "./suspensions.ts";
import { TOOL_CALLS } from "./tool-calls.ts";
import { UNDOS } from "./undos.ts";
import { UPGRADES } from "./upgrades.ts";
import { UNKNOWN_OUTCOMES } from "./unknown-outcomes.ts";

/** Every story there is. A new event, or a new arm of one, gets its place in one of them. */
export const SCENARIOS: readonly Scenario[] = [
  ...ANSWERS,
  ...MODEL_FAILURES,
  ...TOOL_CALLS,
  ...UNKNOWN_OUTCOMES,
  ...PEOPLE,
  ...ENDINGS,
  ...DEATHS,
  ...BUDGETS,
  ...INTERRUPTIONS,
  ...STOPS,
  ...SUSPENSIONS,
  ...UNDOS,
  ...UPGRADES,
  ...MEMORIES,
];
