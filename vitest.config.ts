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
    // Where the processor has memory protection keys, Node 24 now and then ends with "Check failed: jit_page.has_value()" when
    // threads come and go: a fault of V8, whatever they do.
    execArgv: ["--disable-warning=ExperimentalWarning", "--no-memory-protection-keys"],
  },
});
