/**
 * The JavaScript that is published: few files in one flat folder, because a module that is loaded from a file of its own costs
 * more than what is in it. The declarations are the compiler's, a file each.
 */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: {
    index: "src/index.ts",
    core: "src/core/index.ts",
    ports: "src/ports/index.ts",
    stores: "src/stores.ts",
    telemetry: "src/telemetry/index.ts",
    testing: "src/testing/index.ts",
    tools: "src/tools/index.ts",
    cli: "src/cli/main.ts",
    // The thread of the store is started by its file, which lies beside whatever starts it, here as in the source.
    "sqlite-worker": "src/stores/sqlite/sqlite-worker.ts",
    // So is the memory's.
    "sqlite-memory-worker": "src/memory/sqlite/sqlite-memory-worker.ts",
    // So is the process that reads a SQLite database.
    "sqlite-host": "src/tools/sql/sqlite-host.ts",
    // So are the threads in which JavaScript runs.
    "quickjs-thread": "src/tools/code/quickjs-thread.ts",
    // So are the threads and processes of isolated tools.
    "tool-host": "src/sandboxes/isolated/tool-host.ts",
  },
  platform: "node",
  logLevel: "warn",
  external: (id) => !id.startsWith(".") && !id.startsWith("/"),
  output: { dir: "dist", format: "esm", chunkFileNames: "[name].js", minify: false },
});
