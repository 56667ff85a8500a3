/** Installs the peers and the packed package, as a user would. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./child.mjs";

export const BENCH = join(import.meta.dirname, "..");
const ROOT = join(BENCH, "..");
const isWindows = process.platform === "win32";

const npm = (folder, ...args) => run("npm", args, { cwd: folder, shell: isWindows, maxBuffer: 64 << 20 });

export const setUp = async (say) => {
  const workDir = join(BENCH, ".work");
  await rm(workDir, { recursive: true, force: true });
  await mkdir(workDir, { recursive: true });
  say("builds and packs holdfast");
  const packed = await npm(
    join(ROOT, "packages/holdfast"),
    "pack",
    "--silent",
    "--pack-destination",
    workDir,
  );
  const tarball = join(workDir, packed.stdout.trim().split("\n").at(-1));
  say("installs the peers and the packed holdfast");
  await npm(BENCH, "ci");
  await npm(BENCH, "install", "--no-save", "--no-package-lock", tarball);
  return workDir;
};

/** A file of the source, for benches of what the package does not export. */
export const source = (path) => new URL(`../../packages/holdfast/src/${path}`, import.meta.url).href;
