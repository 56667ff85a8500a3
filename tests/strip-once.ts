/** Before the tests: one process starts the store's thread and ends, so that every later one finds its source stripped of types. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

const OPEN_AND_CLOSE = `
  import { createRuntime } from "holdfast";
  const runtime = await createRuntime({ agents: [], dataDir: process.argv[1] });
  await runtime.close();
`;

export default async function stripOnce({ config }: TestProject): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-strip-"));
  const flags = ["--conditions=holdfast-source", "--input-type=module", "--eval", OPEN_AND_CLOSE, dataDir];
  await promisify(execFile)(process.execPath, flags, {
    cwd: join(import.meta.dirname, "../examples"),
    env: { ...process.env, ...config.env },
  });
  await rm(dataDir, { recursive: true });
}
