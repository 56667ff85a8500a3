/**
 * The floors of the house: which folder of `packages/holdfast/src` may import what.
 * The lint configuration and the layer test both read this table, and nothing is exempt from it.
 */
export type Floor = {
  /** Other folders of the source this one may import, type-only imports included. */
  readonly folders: readonly string[];
  /** Packages from outside this one may import; "any" where it adapts or wires the outside world. */
  readonly packages: readonly string[] | "any";
  /** Whether Node's own modules may be imported. */
  readonly node: boolean;
  /** Whether its own folders know nothing of each other. */
  readonly isApart?: true;
  /** Whether other folders are entered only through their `index.ts`. */
  readonly throughDoors?: true;
};

const PURE = { packages: [], node: false } as const;

/** An adapter stands on the ports and the core, and knows no other adapter and no engine. */
const ADAPTER: Floor = { folders: ["core", "ports"], packages: "any", node: true, isApart: true };

const ADAPTER_FOLDERS = [
  "stores",
  "models",
  "tools",
  "sandboxes",
  "memory",
  "telemetry",
  "wakers",
  "policy",
] as const;

const adapters = Object.fromEntries(ADAPTER_FOLDERS.map((folder) => [folder, ADAPTER]));

export const FLOORS: Readonly<Record<string, Floor>> = {
  core: { folders: [], ...PURE },
  ports: { folders: ["core"], packages: ["@ai-sdk/provider", "@standard-schema/spec"], node: false },
  wire: { folders: ["core"], packages: ["zod"], node: false },
  // What a tool is made of, for whoever makes one.
  definitions: { folders: ["core", "ports"], packages: "any", node: true },
  engine: { folders: ["core", "ports"], packages: [], node: true },
  ...adapters,
  // Adapters that make tools, in the way in which everybody makes them.
  tools: { ...ADAPTER, folders: ["core", "ports", "definitions"] },
  runtime: {
    folders: ["core", "ports", "definitions", "engine", ...ADAPTER_FOLDERS],
    packages: "any",
    node: true,
  },
  // `createTestRuntime` wires a runtime from in-memory adapters: the store in memory and the scripted model. Simulated worlds have
  // a memory as well, and the tools that write it.
  testing: {
    folders: ["core", "ports", "definitions", "engine", "stores", "memory", "models", "tools", "runtime"],
    packages: "any",
    node: true,
  },
  server: { folders: ["core", "wire", "runtime"], packages: "any", node: true },
  client: { folders: ["wire"], ...PURE },
  cli: {
    folders: [
      "core",
      "ports",
      "wire",
      "engine",
      ...ADAPTER_FOLDERS,
      "runtime",
      "testing",
      "server",
      "client",
    ],
    packages: "any",
    node: true,
    throughDoors: true,
  },
};

/** The files that stand in `src` itself: they only pass on what a folder's door offers. */
export const DOOR_FLOOR: Floor = {
  folders: ["core", "ports", "definitions", "runtime", "stores", "memory"],
  packages: [],
  node: false,
};

/** What a test beside its source may import on top of its folder's row: the fakes and suites everyone gets. */
export const TEST_EXTRA_FOLDERS: readonly string[] = ["testing"];

/** The one file that reads the machine's clock, timers and randomness. */
export const SYSTEM_CLOCK = "runtime/system-clock.ts";

/** The clock that tests hold in their hands. */
export const MANUAL_CLOCK = "testing/manual-clock.ts";

/** Where long work lets others have their turn, which takes no clock. */
export const GIVE_WAY = "tools/fetch/give-way.ts";
