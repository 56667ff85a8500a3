import type { LaneWeights } from "../../core/fair-queue.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Sandbox } from "../../ports/sandbox.ts";
import { IsolationPool } from "./isolation-pool.ts";
import { startProcess } from "./process-carrier.ts";
import { startThread } from "./thread-carrier.ts";

export type IsolationOptions = {
  readonly clock: Clock;
  readonly maxThreads: number;
  readonly maxProcesses: number;
  readonly graceMs: number;
  readonly weightOf: LaneWeights;
};

/** Nobody pays the start of a thread or a process for every call, and nobody keeps one that is not used. */
const IDLE_MS = 30_000;

/** Runs isolated tools in threads and processes of this machine; none is started before it is needed. */
export const createIsolation = (options: IsolationOptions): Sandbox => {
  const { maxThreads, maxProcesses, ...common } = options;
  const pools = {
    thread: new IsolationPool({ ...common, idleMs: IDLE_MS, start: startThread, limit: maxThreads }),
    process: new IsolationPool({ ...common, idleMs: IDLE_MS, start: startProcess, limit: maxProcesses }),
  };
  return {
    open: (task) => pools[task.isolation.kind].open(task),
    close: async () => {
      await Promise.all([pools.thread.close(), pools.process.close()]);
    },
  };
};
