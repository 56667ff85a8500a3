import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A process that dies around its n-th commit. */
export type Death = { readonly commit: number; readonly moment: "before" | "after" };

/** What came of one task that was killed once and then resumed. */
export type Verdict = {
  readonly death: Death;
  /** False when the task had fewer commits than that. */
  readonly isKilled: boolean;
  readonly exitCode: number | null;
  readonly output: string;
};

type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
};

const MAIN = fileURLToPath(new URL("../../examples/start/main.ts", import.meta.url));
const PRELOAD = new URL("./kill-at-commit.mjs", import.meta.url).href;
const LONGEST_MS = 60_000;

/** Exit code of `npm start -- --resume` when every session has come to its end. */
const NOTHING_TO_RESUME = 3;

const start = (cwd: string, args: readonly string[], death: Death | null): Promise<Ended> => {
  const preload = death === null ? [] : ["--import", PRELOAD];
  const node = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source", ...preload, MAIN];
  const child = spawn(process.execPath, [...node, ...args], {
    cwd,
    env: {
      ...process.env,
      NO_COLOR: "1",
      INIT_CWD: cwd,
      ...(death === null ? {} : { HOLDFAST_KILL_AT: String(death.commit), HOLDFAST_KILL: death.moment }),
    },
    timeout: LONGEST_MS,
    killSignal: "SIGABRT",
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve({ code, signal, output }));
  });
};

const FILES: Readonly<Record<string, string>> = {
  "main.ts":
    'import { total } from "./total.ts";\n// TODO: read the numbers from a file\nconsole.log(total([1, 2, 3]));\n',
  "total.ts":
    "// FIXME: overflows\nexport const total = (all: number[]) => all.reduce((a, b) => a + b, 0);\n",
  "README.md": "# Totals\n\nTODO: say what it is for.\n",
};

/**
 * Runs the `npm start` task in an empty folder, kills it around one commit, and resumes it. The task's own
 * proof, from the log of the service it wrote to, decides the exit code.
 */
export const killOnce = async (death: Death): Promise<Verdict> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-kill-"));
  try {
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
    const killed = await start(folder, [folder], death);
    if (killed.signal !== "SIGKILL")
      return { death, isKilled: false, exitCode: killed.code, output: killed.output };
    const resumed = await start(folder, ["--resume"], null);
    // Killed before the session was there, or after everything was: only what was acknowledged is owed.
    const again = resumed.code === NOTHING_TO_RESUME ? await start(folder, [folder], null) : resumed;
    return {
      death,
      isKilled: true,
      exitCode: again.code,
      output: killed.output + resumed.output + again.output,
    };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
};
