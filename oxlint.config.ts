import {
  FLOORS,
  GIVE_WAY,
  MANUAL_CLOCK,
  SYSTEM_CLOCK,
  TEST_EXTRA_FOLDERS,
  type Floor,
} from "./tests/house/floors.ts";

const SRC = "packages/holdfast/src";
const CLOCK_MESSAGE = "Time, timers and randomness come through ports/clock.";

const namesOf = (folder: string, names: readonly string[]) =>
  names.map((name) => ({ name, message: `${folder} has no ${name}.` }));

const clockImports = [
  { name: "node:timers", message: CLOCK_MESSAGE },
  { name: "node:timers/promises", message: CLOCK_MESSAGE },
  { name: "node:perf_hooks", importNames: ["performance"], message: CLOCK_MESSAGE },
  {
    name: "node:crypto",
    importNames: [
      "randomUUID",
      "randomUUIDv7",
      "randomBytes",
      "randomInt",
      "randomFillSync",
      "getRandomValues",
    ],
    message: CLOCK_MESSAGE,
  },
];

const clockGlobals = ["setTimeout", "setInterval", "setImmediate", "performance"].map((name) => ({
  name,
  message: CLOCK_MESSAGE,
}));

const clockProperties = [
  { object: "Date", property: "now", message: CLOCK_MESSAGE },
  { object: "Math", property: "random", message: CLOCK_MESSAGE },
  { object: "AbortSignal", property: "timeout", message: CLOCK_MESSAGE },
  { object: "process", property: "hrtime", message: CLOCK_MESSAGE },
  ...["randomUUID", "randomUUIDv7", "randomBytes", "randomInt", "getRandomValues"].map((property) => ({
    object: "crypto",
    property,
    message: CLOCK_MESSAGE,
  })),
];

/** Any file name but `index.…`, for an expression language that cannot say "not". */
const notIndex = "index."
  .split("")
  .map((letter, at) => `${"index.".slice(0, at)}[^${letter}/].*`)
  .join("|");

/** What a folder may not import, as patterns: every folder without a place in its row, and Node where it has none. */
const forbiddenImports = (folder: string, floor: Floor) => {
  const isForbidden = (name: string): boolean => name !== folder && !floor.folders.includes(name);
  const names = Object.keys(FLOORS).filter(isForbidden).join("|");
  const others = floor.folders.join("|");
  const patterns = [
    {
      regex: `^(\\.\\./)+(${names})/`,
      message: `${folder}/ may import ${floor.folders.join(", ") || "nothing but itself"}.`,
    },
    {
      regex: "^(\\.\\./)+(index|stores)\\.ts$|^holdfast(/|$)",
      message: `The public doors are for users, not for ${folder}/.`,
    },
  ];
  if (floor.throughDoors) {
    patterns.push({
      regex: `^(\\.\\./)+(${others})/(.*/.*|${notIndex})$`,
      message: "Enter a folder through its index.ts.",
    });
  }
  if (!floor.node) patterns.push({ regex: "^node:", message: `${folder}/ runs anywhere: nothing of Node.` });
  return { paths: clockImports, patterns };
};

const floorOverrides = Object.entries(FLOORS).flatMap(([folder, floor]) => {
  const forTests = { ...floor, node: true, folders: [...floor.folders, ...TEST_EXTRA_FOLDERS] };
  return [
    {
      files: [`${SRC}/${folder}/**/*.ts`],
      rules: { "no-restricted-imports": ["error", forbiddenImports(folder, floor)] },
    },
    {
      files: [`${SRC}/${folder}/**/*.test.ts`],
      rules: { "no-restricted-imports": ["error", forbiddenImports(folder, forTests)] },
    },
  ];
});

const purity = namesOf("core/", [
  "Date",
  "process",
  "fetch",
  "crypto",
  "queueMicrotask",
  "globalThis",
  "console",
]);
const anywhere = namesOf("This folder", ["process"]);

export default {
  plugins: ["typescript", "import", "unicorn", "oxc"],
  jsPlugins: ["./tests/house/lint-plugin.ts"],
  categories: { correctness: "error" },
  ignorePatterns: ["**/dist/**", "bench/**", "node_modules/**"],
  rules: {
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": "error",
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "import/no-mutable-exports": "error",
    "import/no-self-import": "error",
    "typescript/await-thenable": "error",
    "typescript/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "house/no-enum": "error",
    "house/no-export-all": "error",
  },
  overrides: [
    {
      files: [`${SRC}/**/*.ts`, "examples/**/*.ts"],
      rules: {
        "max-depth": ["error", 3],
        "max-params": ["error", 3],
        "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
        "max-lines-per-function": [
          "error",
          { max: 60, skipBlankLines: true, skipComments: true, IIFEs: true },
        ],
      },
    },
    {
      files: [`${SRC}/**/*.ts`],
      rules: {
        "import/no-default-export": "error",
        "no-console": "error",
        "no-restricted-globals": ["error", ...clockGlobals],
        "no-restricted-properties": ["error", ...clockProperties],
        "house/no-clock-read": "error",
        "house/no-double-cast": "error",
        "house/no-module-state": "error",
        "house/own-errors": "error",
      },
    },
    ...floorOverrides,
    {
      files: [`${SRC}/core/**/*.ts`],
      rules: { "no-restricted-globals": ["error", ...clockGlobals, ...purity] },
    },
    {
      files: ["ports", "wire", "engine", "client"].map((folder) => `${SRC}/${folder}/**/*.ts`),
      rules: { "no-restricted-globals": ["error", ...clockGlobals, ...anywhere] },
    },
    {
      // Tests prove things about stray errors and long stories: they may be long, and may throw what a stranger throws.
      files: ["**/*.test.ts", "**/*.test-d.ts"],
      rules: { "max-lines": "off", "max-lines-per-function": "off", "house/own-errors": "off" },
    },
    {
      // A manual clock lets what is ready run before it moves on, and so does long work; they still read no time.
      files: [`${SRC}/${MANUAL_CLOCK}`, `${SRC}/${GIVE_WAY}`],
      rules: {
        "no-restricted-globals": ["error", ...clockGlobals.filter(({ name }) => name !== "setImmediate")],
      },
    },
    {
      files: [`${SRC}/${SYSTEM_CLOCK}`],
      rules: {
        "no-restricted-imports": "off",
        "no-restricted-globals": "off",
        "no-restricted-properties": "off",
        "house/no-clock-read": "off",
      },
    },
  ],
};
