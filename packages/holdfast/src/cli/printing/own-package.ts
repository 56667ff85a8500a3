import { findPackageJSON } from "node:module";
import { fileURLToPath } from "node:url";

/** Where this package's manifest lies: it is looked for, because source and build are not equally deep. */
export const ownManifestPath = (): string =>
  findPackageJSON("..", import.meta.url) ?? fileURLToPath(new URL("../package.json", import.meta.url));
