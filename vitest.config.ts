import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Packages are resolved through their `source` door, so tests never need a build.
const conditions = ["holdfast-source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["holdfast-source", "node"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "examples/**/*.test.ts", "tests/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    pool: "forks",
    maxWorkers: 2,
    // Tests start real processes, and the machine may have other things to do: only what hangs comes this far.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    // Node strips types with WebAssembly, in every thread anew; threads of the store come and go by the hundred here, and V8 now and
    // then ends the process when they do ("Check failed: jit_page.has_value()"). What was stripped once is read from here.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/stripped") },
    globalSetup: "./tests/strip-once.ts",
  },
});
