import type { MemoryStore } from "../../ports/index.ts";
import type { Runtime } from "../../runtime/index.ts";
import { hasMemory, withMemory } from "../memories/with-memory.ts";
import type { Invocation } from "../parsing/command.ts";
import { dataDirOf, existingDataDir, hasDataDir } from "../sessions/data-dir.ts";

export type OpenEraser = {
  readonly runtime: Runtime;
  /** Whether other processes have the data directory open, which may work what is in it. */
  readonly hasOthers: boolean;
};

type Place = Pick<Invocation, "flags" | "cwd">;
type Work<Result> = (eraser: OpenEraser) => Promise<Result>;

/**
 * Opens the data directory, and the memory where there is one in it, for as long as something is erased. It works no session:
 * whoever has the agents carries out the cancels. @throws NotFoundError
 */
export const withEraser = async <Result>(call: Place, work: Work<Result>): Promise<Result> =>
  hasMemory(call)
    ? await withMemory(call, async (memory) => await open(call, memory, work))
    : await open(call, null, work);

const open = async <Result>(call: Place, memory: MemoryStore | null, work: Work<Result>): Promise<Result> => {
  // There may be a memory alone.
  const dataDir = memory === null ? existingDataDir(call) : dataDirOf(call);
  const { createRuntime, createSystemClock } = await import("../../runtime/index.ts");
  const { createInMemoryStore } = await import("../../stores/index.ts");
  // Before this process is one of them.
  const hasOthers = hasDataDir(call) && (await areOthersIn(dataDir));
  await using runtime = await createRuntime({
    agents: [],
    dataDir,
    isWorker: false,
    ...(memory === null ? {} : { memory }),
    ...(hasDataDir(call) ? {} : { store: createInMemoryStore({ clock: createSystemClock() }) }),
  });
  return await work({ runtime, hasOthers });
};

const areOthersIn = async (dataDir: string): Promise<boolean> => {
  const { inspectDataDir } = await import("../../stores/index.ts");
  const { holders, format, supportedFormat } = inspectDataDir(dataDir, 0);
  // Of another format nothing is said of who has it open.
  return format !== supportedFormat || holders.some(({ isAlive }) => isAlive !== false);
};
