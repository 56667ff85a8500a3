import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

/** A whole data directory as it was left: each file by its path, compressed. */
export type PackedDirectory = { readonly [path: string]: string };

export const packDirectory = (root: string): PackedDirectory => {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const paths = entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
  return Object.fromEntries(
    paths
      .toSorted()
      .map((path) => [
        relative(root, path).split(sep).join("/"),
        gzipSync(readFileSync(path), { level: 9 }).toString("base64"),
      ]),
  );
};

export const unpackDirectory = (packed: PackedDirectory, root: string): void => {
  for (const [path, text] of Object.entries(packed)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, gunzipSync(Buffer.from(text, "base64")));
  }
};
