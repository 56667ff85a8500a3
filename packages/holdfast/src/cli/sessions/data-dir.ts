import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { NotFoundError } from "../../core/index.ts";
import type { Runtime } from "../../runtime/index.ts";
import type { Invocation } from "../parsing/command.ts";

const DEFAULT_DATA_DIR = ".holdfast";
const DATABASE_FILE = "holdfast.db";

export const dataDirOf = ({ flags, cwd }: Pick<Invocation, "flags" | "cwd">): string =>
  resolve(cwd, flags.text("data-dir") ?? DEFAULT_DATA_DIR);

/** The data directory as a person would write it. */
export const shownDataDir = (call: Pick<Invocation, "flags" | "cwd">): string =>
  relative(call.cwd, dataDirOf(call)) || ".";

/** ` --data-dir x` for commands we suggest, where it is not the default. */
export const dataDirFlag = (call: Pick<Invocation, "flags" | "cwd">): string => {
  const shown = shownDataDir(call);
  return shown === DEFAULT_DATA_DIR ? "" : ` --data-dir ${shown}`;
};

/** Whether there are sessions already. */
export const hasDataDir = (call: Pick<Invocation, "flags" | "cwd">): boolean =>
  existsSync(join(dataDirOf(call), DATABASE_FILE));

/** The data directory, which must be there already: looking makes nothing. @throws NotFoundError */
export const existingDataDir = (call: Pick<Invocation, "flags" | "cwd">): string => {
  const dataDir = dataDirOf(call);
  if (hasDataDir(call)) return dataDir;
  const shown = shownDataDir(call);
  const what = existsSync(dataDir) ? "holds no sessions" : "does not exist";
  throw new NotFoundError("SESSION_NOT_FOUND", `The data directory ${shown} ${what}.`, {
    hint: "Give the right one with --data-dir <dir>; `holdfast run` makes it on its first run.",
    details: { dataDir },
  });
};

/** Opens the data directory to look and to post; whoever has the agents does the work. */
export const openViewer = async (call: Pick<Invocation, "flags" | "cwd">): Promise<Runtime> => {
  const dataDir = existingDataDir(call);
  const { createRuntime } = await import("../../runtime/index.ts");
  return await createRuntime({ agents: [], dataDir, isWorker: false });
};
