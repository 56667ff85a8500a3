import { ConfigurationError } from "../core/errors.ts";
import type { SandboxKind, ToolIsolation } from "../ports/tool.ts";
import { checkOptions, positiveInteger } from "./known-options.ts";

/** Where an isolated tool runs. */
export type Isolation = {
  /**
   * The module that exports the tool, to be loaded where it runs: `import.meta.url`. A function cannot be sent there, so it is
   * found there, by the name of the tool. What the module does when it is imported happens there too.
   */
  readonly module: string | URL;
  /**
   * `thread` (default) starts in milliseconds and is stopped in an endless loop. `process` also survives what ends a process:
   * an abort, a crash in native code, a blocking call of the system.
   */
  readonly kind?: SandboxKind;
  /** Longest heap, in MiB; 256 by default. Bytes of buffers are not counted in it. */
  readonly maxMemoryMb?: number;
  /** False: every call gets a new thread or process, so that nothing in the module is left from the one before. True by default. */
  readonly reuse?: boolean;
};

/** What `deps` are needed for cannot be sent to where the tool runs. */
type WithoutDeps = "An isolated tool has no deps: call defineTool() without a type for them.";

/** Only for tools without dependencies. */
export type Isolated<Deps> = unknown extends Deps ? Isolation : WithoutDeps;

const DEFAULT_MEMORY_MB = 256;

/** @throws ConfigurationError when it cannot be used. */
export const resolveIsolation = (isolated: Isolation | WithoutDeps, toolName: string): ToolIsolation => {
  const owner = `${toolName}: isolated`;
  if (typeof isolated !== "object" || isolated === null) throw noModule(owner);
  checkOptions(isolated, { owner, known: ["module", "kind", "maxMemoryMb", "reuse"], later: [] });
  return {
    module: moduleUrl(isolated.module, owner),
    kind: checkKind(isolated.kind ?? "thread", owner),
    maxMemoryMb: positiveInteger(owner, "maxMemoryMb", isolated.maxMemoryMb ?? DEFAULT_MEMORY_MB),
    isReused: isolated.reuse ?? true,
  };
};

const noModule = (owner: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", `${owner}: "module" must be the URL of a module.`, {
    hint: "Give isolated: { module: import.meta.url } in the module that exports the tool.",
  });

const moduleUrl = (module: unknown, owner: string): string => {
  const text = module instanceof URL ? module.href : module;
  if (typeof text !== "string" || !URL.canParse(text)) throw noModule(owner);
  return text;
};

const checkKind = (kind: unknown, owner: string): SandboxKind => {
  if (kind === "thread" || kind === "process") return kind;
  throw new ConfigurationError("DEFINITION_INVALID", `${owner}: "kind" must be "thread" or "process".`);
};
