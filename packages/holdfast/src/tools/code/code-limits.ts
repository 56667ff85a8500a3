import { checkOptions, positiveInteger } from "../../definitions/known-options.ts";

/** How far one call may go. What goes further is stopped, with everything that it has started. */
export type CodeLimits = {
  /** Wall time in milliseconds; 20,000 by default. */
  readonly timeoutMs: number;
  /** Processor time in seconds, of all processes together; 20 by default. */
  readonly cpuSeconds: number;
  /** Memory in MiB: what one process may ask for, and what all may hold together; 512 by default. */
  readonly memoryMb: number;
  /** Processes and threads at once; 64 by default. */
  readonly maxProcesses: number;
  /** One file, in MiB; 64 by default. */
  readonly maxFileMb: number;
  /** The whole workspace, in MiB; 256 by default. */
  readonly maxWorkspaceMb: number;
  /** Files and folders in the workspace; 10,000 by default. */
  readonly maxWorkspaceFiles: number;
  /** `/tmp`, which is empty at the beginning of each call and lies in memory, in MiB; 64 by default. */
  readonly maxTmpMb: number;
  /** What is printed, in KiB, on each of stdout and stderr; 1,024 by default. Of more than 32 the model sees head and tail. */
  readonly maxOutputKb: number;
  /** Where a network is allowed: what may come from outside to one sandbox, in MiB; 256 by default. */
  readonly maxNetworkMb: number;
};

const DEFAULTS: CodeLimits = {
  timeoutMs: 20_000,
  cpuSeconds: 20,
  memoryMb: 512,
  maxProcesses: 64,
  maxFileMb: 64,
  maxWorkspaceMb: 256,
  maxWorkspaceFiles: 10_000,
  maxTmpMb: 64,
  maxOutputKb: 1_024,
  maxNetworkMb: 256,
};

/** @throws ConfigurationError for a limit that does not exist or is no positive whole number. */
export const resolveLimits = (given: Partial<CodeLimits>): CodeLimits => {
  const owner = "codeTools: limits";
  checkOptions(given, { owner, known: Object.keys(DEFAULTS), later: [] });
  const limits = { ...DEFAULTS, ...given };
  for (const [name, value] of Object.entries(limits)) positiveInteger(owner, name, value);
  return limits;
};
