import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The size of all files in a folder and below. */
export const bytesIn = (folder) => {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
};
