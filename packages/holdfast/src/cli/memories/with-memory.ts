import { existsSync } from "node:fs";
import { join } from "node:path";
import { NotFoundError } from "../../core/index.ts";
import type { MemoryStore } from "../../ports/index.ts";
import type { Invocation } from "../parsing/command.ts";
import { dataDirOf, shownDataDir } from "../sessions/data-dir.ts";

const MEMORY_FILE = "memory.db";

/** Whether something is remembered in the data directory. */
export const hasMemory = (call: Pick<Invocation, "flags" | "cwd">): boolean =>
  existsSync(join(dataDirOf(call), MEMORY_FILE));

type Work<Result> = (memory: MemoryStore, now: number) => Promise<Result>;

/** Opens the memory of the data directory, which must be there already, for as long as something is done with it. @throws NotFoundError */
export const withMemory = async <Result>(
  call: Pick<Invocation, "flags" | "cwd">,
  work: Work<Result>,
): Promise<Result> => {
  if (hasMemory(call)) return await withNewMemory(call, work);
  throw new NotFoundError("MEMORY_NOT_FOUND", `There is no ${MEMORY_FILE} in ${shownDataDir(call)}.`, {
    hint: "Give the right directory with --data-dir <dir>; what opens a memory first makes it.",
    details: { dataDir: dataDirOf(call) },
  });
};

/** The same, and makes it where it is not there. */
export const withNewMemory = async <Result>(
  call: Pick<Invocation, "flags" | "cwd">,
  work: Work<Result>,
): Promise<Result> => {
  const { createSqliteMemory } = await import("../../memory/index.ts");
  const { createSystemClock } = await import("../../runtime/index.ts");
  const memory = await createSqliteMemory({ dataDir: dataDirOf(call) });
  try {
    return await work(memory, createSystemClock().now());
  } finally {
    await memory.close();
  }
};
