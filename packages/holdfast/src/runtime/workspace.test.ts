import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createWorkspace } from "./workspace.ts";

const make = async () => {
  const base = await mkdtemp(join(tmpdir(), "holdfast-workspace-"));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const workspace = createWorkspace(join(base, "inside"));
  const outside = join(base, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "x.txt"), "THEIRS");
  return { workspace, outside, root: await workspace.path() };
};

describe("a workspace", () => {
  it("S1 is not left while a folder is swapped for a link and back, thousands of times", async () => {
    const { workspace, outside, root } = await make();
    await workspace.write("a/x.txt", "ours");
    const a = join(root, "a");
    let isOver = false;
    let swaps = 0;
    const swapping = (async () => {
      for (; !isOver; swaps += 1) {
        await rm(a, { recursive: true, force: true }).catch(() => {});
        // A write may have made the folder anew meanwhile: then there is no place for the link this time.
        await symlink(outside, a).catch(() => {});
        await rm(a, { recursive: true, force: true }).catch(() => {});
        await mkdir(a).catch(() => {});
        await writeFile(join(a, "x.txt"), "ours").catch(() => {});
      }
    })();
    const seen = new Set<string>();
    let refused = 0;
    for (let round = 0; round < 2_000; round += 1) {
      const [read] = await Promise.all([
        workspace.read("a/x.txt").then(String, () => null),
        workspace.write("a/x.txt", "ours").catch(() => (refused += 1)),
      ]);
      if (read !== null) seen.add(read);
    }
    isOver = true;
    await swapping;
    expect(swaps).toBeGreaterThan(500);
    expect([...seen].filter((text) => text !== "ours" && text !== "")).toEqual([]);
    expect(await readdir(outside)).toEqual(["x.txt"]);
    expect(await readFile(join(outside, "x.txt"), "utf8")).toBe("THEIRS");
    expect(refused).toBeGreaterThan(0);
  });

  it("S2 does not wait for what is no file: a pipe, a socket, a folder", async () => {
    const { workspace, root } = await make();
    execFileSync("mkfifo", [join(root, "pipe")]);
    const server = createServer().listen(join(root, "socket"));
    await once(server, "listening");
    onTestFinished(() => void server.close());
    await mkdir(join(root, "folder"));
    for (const name of ["pipe", "socket"]) {
      await expect(workspace.read(name)).rejects.toMatchObject({ name: "ToolError", executed: false });
      await expect(workspace.write(name, "x")).rejects.toMatchObject({ name: "ToolError", executed: false });
    }
    await expect(workspace.read("folder")).rejects.toMatchObject({ name: "ToolError", executed: false });
    await expect(workspace.write("folder", "x")).rejects.toMatchObject({ code: "EISDIR" });
    for (const path of [".", ""]) {
      await expect(workspace.read(path)).rejects.toMatchObject({ name: "ToolError" });
      await expect(workspace.write(path, "x")).rejects.toMatchObject({ name: "ToolError" });
    }
  });

  it("follows links that stay inside, and writes what is shorter than before", async () => {
    const { workspace, root } = await make();
    await workspace.write("deep/er/x.txt", "a longer text");
    await symlink(join(root, "deep"), join(root, "short"));
    await workspace.write("short/er/x.txt", "short");
    expect(String(await workspace.read("deep/er/x.txt"))).toBe("short");
  });
});
