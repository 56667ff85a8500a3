import { readFileSync } from "node:fs";
import { ownManifestPath } from "./own-package.ts";

/** The version in this package's manifest. */
export const readVersion = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(ownManifestPath(), "utf8"));
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isManifest ? String(manifest.version) : "unknown";
};
