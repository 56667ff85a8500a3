import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Files under a folder that hold the text. */
export const filesWith = async (folder: string, text: string): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path).catch(() => null);
    if (content?.includes(text) === true) found.push(path.slice(folder.length + 1));
  }
  return found.toSorted();
};
