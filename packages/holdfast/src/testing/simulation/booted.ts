import type { Runtime } from "../../runtime/index.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** A process with the runtime in it. */
export type Booted = {
  readonly process: SimulatedProcess;
  readonly runtime: Runtime;
  /** Whether it surely has every definition. */
  readonly isComplete: boolean;
};
