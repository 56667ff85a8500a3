import { readFileSync } from "node:fs";

/** The version in this package's manifest, which lies at the same distance from source and build. */
export const readVersion = (): string => {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isManifest ? String(manifest.version) : "unknown";
};
