import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { removeFolder } from "./remove-folder.ts";

const run = promisify(execFile);

const temporary = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-remove-"));
  onTestFinished(async () => void (await run("rm", ["-rf", folder])));
  return folder;
};

/** Forty folders within each other, to which no path leads. */
const DEEP = `
import os
for _ in range(40):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
open("secret", "w").write("x")
`;

it.runIf(process.platform === "linux")(
  "removes what lies deeper than a path can be long, and nothing that a link leads to",
  async () => {
    const [folder, other] = [await temporary(), await temporary()];
    await writeFile(join(other, "kept"), "x");
    for (const place of ["", "a"]) {
      await mkdir(join(folder, place), { recursive: true });
      await run("python3", ["-c", DEEP], { cwd: join(folder, place) });
    }
    // What is moved finds its name taken.
    await mkdir(join(folder, "raised-1"));
    await writeFile(join(folder, "raised-1", "x"), "x");
    await writeFile(join(folder, "raised-2"), "x");
    await symlink(other, join(folder, "link"));
    await removeFolder(folder);
    expect(existsSync(folder)).toBe(false);
    expect(existsSync(join(other, "kept"))).toBe(true);
  },
);

it("does not mind that there is nothing", async () => {
  await expect(removeFolder(join(await temporary(), "nowhere"))).resolves.toBeUndefined();
});
