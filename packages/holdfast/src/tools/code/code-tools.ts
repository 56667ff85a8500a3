import { z } from "zod";
import { ConfigurationError } from "../../core/errors.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { checkOptions } from "../../definitions/known-options.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { resolveLimits, type CodeLimits } from "./code-limits.ts";
import type { CodeResult } from "./code-result.ts";
import { LANGUAGE_FACTS, type ProcessLanguage } from "./languages.ts";
import { SandboxedProcesses } from "./sandboxed-processes.ts";

/** A language that a model may write code in. */
export type CodeLanguage = ProcessLanguage;

export type CodeToolsOptions = {
  /** A tool for each: `run_node`, `run_python`, `run_bash`. */
  readonly languages: readonly CodeLanguage[];
  readonly limits?: Partial<CodeLimits>;
  /**
   * What code does to the world. It reaches nothing but the session's own workspace, but what it does there twice may be
   * something else than once: `write` by default, which is never repeated blindly. Say `idempotent` where a call whose outcome is
   * not known may run again.
   */
  readonly effect?: ToolEffect;
  /** Whether somebody has to approve code before it runs: always, never, or as the code says. */
  readonly needsApproval?: ApprovalRule<CodeInput, unknown>;
};

const INPUT = z.object({
  code: z.string().min(1).max(1_000_000).describe("The code to run."),
});

export type CodeInput = z.infer<typeof INPUT>;

export type CodeTool = DefinedTool<CodeInput, CodeResult>;

const KNOWN = ["languages", "limits", "effect", "needsApproval"];
const LANGUAGES: readonly CodeLanguage[] = ["node", "python", "bash"];

/**
 * Tools with which a model runs code that it wrote: as processes in sandboxes, which see the session's workspace and nothing else
 * of this machine, and have no network. Where no sandbox can be made, calls are refused (`SANDBOX_UNAVAILABLE`).
 *
 * @throws ConfigurationError when an option is wrong.
 */
export const codeTools = (options: CodeToolsOptions): readonly CodeTool[] => {
  checkOptions(options, { owner: "codeTools", known: KNOWN, later: ["network", "state"] });
  const languages = checkLanguages(options.languages);
  const limits = resolveLimits(options.limits ?? {});
  const processes = new SandboxedProcesses(languages, limits);
  return languages.map((language) => processTool(language, { options, limits, processes }));
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
  readonly limits: CodeLimits;
  readonly processes: SandboxedProcesses;
};

/** The sandbox stops code by itself, and tells; the engine's own limit only comes after that. */
const STARTING_AND_ENDING_MS = 15_000;

const processTool = (language: ProcessLanguage, { options, limits, processes }: Making): CodeTool =>
  defineTool()({
    name: LANGUAGE_FACTS[language].tool,
    description: descriptionOf(language, limits),
    inputSchema: INPUT,
    effect: options.effect ?? "write",
    timeoutMs: limits.timeoutMs + STARTING_AND_ENDING_MS,
    resource: processes,
    ...(options.needsApproval === undefined ? {} : { needsApproval: options.needsApproval }),
    execute: ({ code }, context) => processes.run(language, code, context),
  });

const descriptionOf = (language: ProcessLanguage, limits: CodeLimits): string => {
  const { title, hint } = LANGUAGE_FACTS[language];
  return (
    `Runs ${title} in a sandbox. ${hint} The working directory is /workspace, whose files stay from call to call; /tmp is empty ` +
    `at each call. There is no network. Limits: ${limits.timeoutMs / 1_000} s, ${limits.memoryMb} MiB of memory, ` +
    `${limits.maxWorkspaceMb} MiB in /workspace.`
  );
};
