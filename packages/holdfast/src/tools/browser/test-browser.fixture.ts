/** A browser for tests: the system's, or the one that a package brings, unpacked once. */
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { findBrowser } from "./find-browser.ts";

const MODULES = join(import.meta.dirname, "../../../../../node_modules");
const BROUGHT = join(MODULES, "@sparticuz/chromium");

/** Path of a program that is Chromium. */
export const testBrowser = async (): Promise<string> => {
  if (!existsSync(BROUGHT)) return findBrowser(null);
  const { version } = JSON.parse(await readFile(join(BROUGHT, "package.json"), "utf8")) as {
    version: string;
  };
  const folder = join(MODULES, ".cache/chromium");
  const path = join(folder, `chromium-${version}`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  const draft = `${path}.${process.pid}`;
  await pipeline(
    createReadStream(packed()),
    createBrotliDecompress(),
    createWriteStream(draft, { mode: 0o755 }),
  );
  await rename(draft, path);
  return path;
};

const packed = (): string =>
  [join(BROUGHT, "bin", process.arch, "chromium.br"), join(BROUGHT, "bin/chromium.br")].find((path) =>
    existsSync(path),
  ) ?? BROUGHT;
