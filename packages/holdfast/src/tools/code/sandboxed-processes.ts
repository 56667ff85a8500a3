import { isHoldfastError } from "../../core/errors.ts";
import type { Failure } from "../../core/failure.ts";
import { toFailure } from "../../core/failure.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { ToolResource } from "../../ports/tool-resource.ts";
import type { CodeLimits } from "./code-limits.ts";
import { codeResult, type CodeResult } from "./code-result.ts";
import { checkInstalled, trySandbox } from "./find-sandbox.ts";
import { programOf, type ProcessLanguage } from "./languages.ts";
import { runInSandbox } from "./run-in-sandbox.ts";
import { notStarted, type SandboxProcess } from "./start-sandbox.ts";
import { Ticker } from "./ticker.ts";
import { changedFiles, useOfWorkspace } from "./workspace-use.ts";

/** The processes in sandboxes that one set of tools has running. */
export class SandboxedProcesses implements ToolResource {
  readonly name = "code in sandboxes";
  readonly #limits: CodeLimits;
  readonly #languages: readonly ProcessLanguage[];
  readonly #running = new Set<SandboxProcess>();
  readonly #ticker = new Ticker();
  #works: Promise<void> | null = null;

  constructor(languages: readonly ProcessLanguage[], limits: CodeLimits) {
    this.#languages = languages;
    this.#limits = limits;
  }

  held(): { readonly [kind: string]: number } {
    return { processes: this.#running.size };
  }

  /** Code ends with its call, so nothing is left of a session that rests. */
  rest(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const ended = [...this.#running].map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const child of this.#running) child.kill("SIGKILL");
    await Promise.all(ended);
  }

  async check(): Promise<Failure | null> {
    try {
      await this.#ready(this.#languages);
      return null;
    } catch (thrown) {
      return toFailure(thrown);
    }
  }

  /** Runs code for the session of `context`, in its workspace. @throws SandboxUnavailableError, ToolError */
  async run(language: ProcessLanguage, code: string, context: ToolContext): Promise<CodeResult> {
    const limits = this.#limits;
    const { workspace, before } = await this.#prepare(language, context);
    const isRoot = process.getuid?.() === 0;
    const ran = await runInSandbox({
      plan: { program: programOf(language, limits), limits, workspace, isRoot },
      code,
      signal: context.signal,
      ticker: this.#ticker,
      workspaceBytes: before.bytes,
      onStart: (child) => this.#keep(child),
    });
    const after = await useOfWorkspace(workspace, limits.maxWorkspaceFiles);
    return codeResult(ran, limits, changedFiles(before, after));
  }

  /** What goes wrong here does so before anything was run. */
  async #prepare(language: ProcessLanguage, context: ToolContext) {
    try {
      await this.#ready([language]);
      const workspace = await context.workspace.path();
      return { workspace, before: await useOfWorkspace(workspace, this.#limits.maxWorkspaceFiles) };
    } catch (thrown) {
      throw isHoldfastError(thrown) ? thrown : notStarted(thrown);
    }
  }

  #keep(child: SandboxProcess): void {
    this.#running.add(child);
    child.once("close", () => this.#running.delete(child));
  }

  /** Tried once, in earnest; what did not work is tried again, because somebody may have installed it. */
  async #ready(languages: readonly ProcessLanguage[]): Promise<void> {
    checkInstalled(languages);
    this.#works ??= trySandbox();
    try {
      await this.#works;
    } catch (thrown) {
      this.#works = null;
      throw thrown;
    }
  }
}
