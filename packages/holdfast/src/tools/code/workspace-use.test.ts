import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { useOfWorkspace } from "./workspace-use.ts";

const temporary = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-use-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** Puts `a` in the place of `b` and back, as fast as it goes. */
const EXCHANGE = `
import ctypes, sys
libc = ctypes.CDLL(None)
print("begun", flush=True)
while True:
    libc.renameat2(-100, b"a", -100, b"b", 2)
`;

it.runIf(process.platform === "linux")(
  "S1 does not tell what lies elsewhere, though a folder becomes a link under its eyes",
  async () => {
    const [workspace, elsewhere] = [await temporary(), await temporary()];
    await writeFile(join(elsewhere, "secret.txt"), "x");
    await mkdir(join(workspace, "a"));
    await writeFile(join(workspace, "a", "mine.txt"), "x");
    await symlink(elsewhere, join(workspace, "b"));
    const child = spawn("python3", ["-c", EXCHANGE], {
      cwd: workspace,
      stdio: ["ignore", "pipe", "ignore"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    const seen = new Set<string>();
    for (let round = 0; round < 700; round += 1) {
      const { files } = await useOfWorkspace(workspace, 100);
      for (const path of files?.keys() ?? []) seen.add(path);
    }
    expect(seen).toContain("a/mine.txt");
    expect([...seen].filter((path) => path.includes("secret"))).toEqual([]);
  },
);
