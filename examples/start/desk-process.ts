import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The findings desk as this process sees it: a service that was there before, and may be there after. */
export type DeskProcess = {
  readonly url: string;
  readonly pid: number;
  readonly isFresh: boolean;
  /** The desk's own log, written by the desk alone. */
  readonly logFile: string;
  /** Says goodbye; the desk closes when nobody else uses it. */
  leave(): Promise<void>;
};

const MAIN = fileURLToPath(new URL("./service/main.ts", import.meta.url));
const START_TIMEOUT_MS = 15_000;
const SPAWN_EVERY_MS = 2_000;

export const deskLogFile = (dataDir: string): string => join(dataDir, "findings-desk", "effects.jsonl");

/** Finds the desk that works in this data directory, or starts one. */
export const openDesk = async (dataDir: string, seed: string): Promise<DeskProcess> => {
  const directory = join(dataDir, "findings-desk");
  mkdirSync(directory, { recursive: true });
  const begun = performance.now();
  let spawnedAt: number | null = null;
  for (;;) {
    const found = await findDesk(directory);
    if (found !== null) {
      await call(found.url, "POST");
      const leave = (): Promise<void> => call(found.url, "DELETE");
      return { ...found, isFresh: spawnedAt !== null, logFile: deskLogFile(dataDir), leave };
    }
    const now = performance.now();
    if (now - begun > START_TIMEOUT_MS)
      throw new Error("The findings desk (the example's HTTP service) did not start.");
    if (spawnedAt === null || now - spawnedAt > SPAWN_EVERY_MS) {
      spawnedAt = now;
      spawnDesk(directory, seed);
    }
    await sleep(25);
  }
};

/** Detached, so that neither Ctrl-C nor the death of this process takes the desk with it. */
const spawnDesk = (directory: string, seed: string): void => {
  const args = ["--disable-warning=ExperimentalWarning", MAIN, directory, seed];
  spawn(process.execPath, args, { detached: true, stdio: "ignore", windowsHide: true }).unref();
};

const findDesk = async (
  directory: string,
): Promise<{ readonly url: string; readonly pid: number } | null> => {
  try {
    const place = JSON.parse(readFileSync(join(directory, "desk.json"), "utf8")) as { readonly url: string };
    const response = await fetch(`${place.url}/health`, { signal: AbortSignal.timeout(1_000) });
    const health = (await response.json()) as { readonly service?: string; readonly pid: number };
    return health.service === "findings-desk" ? { url: place.url, pid: health.pid } : null;
  } catch {
    return null;
  }
};

const call = async (url: string, method: "POST" | "DELETE"): Promise<void> => {
  const body = JSON.stringify({ pid: process.pid });
  await fetch(`${url}/clients`, { method, body, signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
};
