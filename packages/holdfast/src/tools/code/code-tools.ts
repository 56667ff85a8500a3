import { z } from "zod";
import { ConfigurationError } from "../../core/errors.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { checkOptions } from "../../definitions/known-options.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { resolveNetwork, type CodeNetwork } from "./code-network.ts";
import { resolveLimits, type CodeLimits } from "./code-limits.ts";
import type { CodeResult } from "./code-result.ts";
import type { JavaScriptResult } from "./javascript-result.ts";
import { JavaScriptThreads } from "./javascript-threads.ts";
import { LANGUAGE_FACTS, PROCESS_LANGUAGES, type ProcessLanguage } from "./languages.ts";
import { SandboxedProcesses, type ProcessSettings } from "./sandboxed-processes.ts";

/** A language that a model may write code in. */
export type CodeLanguage = ProcessLanguage | "javascript";

export type CodeToolsOptions = {
  /** A tool for each: `run_javascript`, `run_node`, `run_python`, `run_bash`. */
  readonly languages: readonly CodeLanguage[];
  readonly limits?: Partial<CodeLimits>;
  /** Hosts that code may reach; none by default. `"javascript"` reaches none in any case. */
  readonly network?: CodeNetwork;
  /**
   * Whether variables stay from call to call, as long as the session does not rest. `"javascript"` begins anew with each call in any
   * case. False by default.
   */
  readonly keepState?: boolean;
  /**
   * What code does to the world. It reaches nothing but the session's own workspace, but what it does there twice may be
   * something else than once: `write` by default, which is never repeated blindly. Say `idempotent` where a call whose outcome is
   * not known may run again. `"javascript"` reaches nothing at all, and is `read` in any case.
   */
  readonly effect?: ToolEffect;
  /** Whether somebody has to approve code before it runs: always, never, or as the code says. */
  readonly needsApproval?: ApprovalRule<CodeInput, unknown>;
};

const INPUT = z.object({
  code: z.string().min(1).max(1_000_000).describe("The code to run."),
});

export type CodeInput = z.infer<typeof INPUT>;

export type CodeTool = DefinedTool<CodeInput, CodeResult> | DefinedTool<CodeInput, JavaScriptResult>;

const KNOWN = ["languages", "limits", "network", "keepState", "effect", "needsApproval"];
const LANGUAGES: readonly CodeLanguage[] = ["javascript", ...PROCESS_LANGUAGES];

/**
 * Tools with which a model runs code that it wrote. `"javascript"` runs in an engine of its own in a thread, and reaches nothing.
 * The others are processes in sandboxes, which see the session's workspace and nothing else of this machine, and have no network;
 * where no sandbox can be made, their calls are refused (`SANDBOX_UNAVAILABLE`).
 *
 * @throws ConfigurationError when an option is wrong.
 */
export const codeTools = (options: CodeToolsOptions): readonly CodeTool[] => {
  checkOptions(options, { owner: "codeTools", known: KNOWN, later: [] });
  const languages = checkLanguages(options.languages);
  const limits = resolveLimits(options.limits ?? {});
  const inProcesses = PROCESS_LANGUAGES.filter((language) => languages.includes(language));
  checkProcessOptions(options, inProcesses);
  const settings: ProcessSettings = {
    languages: inProcesses,
    limits,
    keepsState: options.keepState === true,
    network: options.network === undefined ? null : resolveNetwork(options.network),
  };
  const processes = new SandboxedProcesses(settings);
  return languages.map((language) =>
    language === "javascript"
      ? javaScriptTool(options, limits)
      : processTool(language, { options, settings, processes }),
  );
};

/** Nothing is accepted that no language would keep to. */
const checkProcessOptions = (
  { keepState, network }: CodeToolsOptions,
  languages: readonly ProcessLanguage[],
): void => {
  if (keepState !== undefined && typeof keepState !== "boolean") {
    throw new ConfigurationError("OPTION_INVALID", `codeTools: "keepState" must be true or false.`);
  }
  if (languages.length > 0 || (keepState !== true && network === undefined)) return;
  const name = keepState === true ? "keepState" : "network";
  throw new ConfigurationError(
    "OPTION_INVALID",
    `codeTools: "${name}" is not for "javascript", which is the only language.`,
    {
      hint: `Remove "${name}", or give a language that runs as a process.`,
    },
  );
};

const checkLanguages = (languages: unknown): readonly CodeLanguage[] => {
  const given: readonly unknown[] = Array.isArray(languages) ? languages : [];
  const known = LANGUAGES.filter((language) => given.includes(language));
  if (known.length > 0 && known.length === given.length) return known;
  throw new ConfigurationError("OPTION_INVALID", `codeTools: "languages" must be a list of languages.`, {
    hint: `Give some of ${LANGUAGES.join(", ")}, each once.`,
  });
};

type Making = {
  readonly options: CodeToolsOptions;
  readonly settings: ProcessSettings;
  readonly processes: SandboxedProcesses;
};

/** Code is stopped where it runs, and what it was stopped for is told; the engine's own limit only comes after that. */
const STARTING_AND_ENDING_MS = 15_000;

const approvalOf = ({ needsApproval }: CodeToolsOptions) =>
  needsApproval === undefined ? {} : { needsApproval };

const processTool = (language: ProcessLanguage, { options, settings, processes }: Making): CodeTool =>
  defineTool()({
    name: LANGUAGE_FACTS[language].tool,
    description: processDescription(language, settings, options.network),
    inputSchema: INPUT,
    effect: options.effect ?? "write",
    timeoutMs: settings.limits.timeoutMs + STARTING_AND_ENDING_MS,
    resource: processes,
    ...approvalOf(options),
    execute: ({ code }, context) => processes.run(language, code, context),
  });

const processDescription = (
  language: ProcessLanguage,
  settings: ProcessSettings,
  network: CodeNetwork | undefined,
): string => {
  const { limits, keepsState } = settings;
  const { title, hint, keptHint } = LANGUAGE_FACTS[language];
  return [
    `Runs ${title} in a sandbox.`,
    keepsState ? keptHint : hint,
    "The working directory is /workspace, whose files stay from call to call.",
    keepsState ? "" : "/tmp is empty at each call.",
    networkDescription(network),
    `Limits: ${limits.timeoutMs / 1_000} s, ${limits.memoryMb} MiB of memory, ${limits.maxWorkspaceMb} MiB in /workspace.`,
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
};

/** Names enough for a model to know what kind of hosts they are. */
const MAX_HOSTS_TOLD = 20;

const networkDescription = (network: CodeNetwork | undefined): string => {
  if (network === undefined) return "There is no network.";
  const hosts = [...network.allowHosts, ...(network.allow ?? [])];
  const told = hosts.slice(0, MAX_HOSTS_TOLD).join(", ") + (hosts.length > MAX_HOSTS_TOLD ? ", …" : "");
  return `Of the network only these hosts are reached, by HTTP(S) through the proxy that HTTPS_PROXY names: ${told}.`;
};

/** Other calls may have to end first. */
const WAITING_MS = 60_000;

const javaScriptTool = (options: CodeToolsOptions, limits: CodeLimits): CodeTool => {
  const threads = new JavaScriptThreads(limits);
  return defineTool()({
    name: "run_javascript",
    description: javaScriptDescription(limits),
    inputSchema: INPUT,
    effect: "read",
    timeoutMs: limits.timeoutMs + STARTING_AND_ENDING_MS + WAITING_MS,
    resource: threads,
    ...approvalOf(options),
    execute: ({ code }, context) => threads.run(code, context),
  });
};

const javaScriptDescription = (limits: CodeLimits): string =>
  "Runs JavaScript in an interpreter of its own, to compute something. The value of the last expression is the result, as JSON; " +
  "console.log prints. Top-level await works. There are no modules, timers, files, workspace or network, and nothing is kept " +
  `from one call to the next. Limits: ${limits.timeoutMs / 1_000} s, ${limits.memoryMb} MiB of memory.`;
