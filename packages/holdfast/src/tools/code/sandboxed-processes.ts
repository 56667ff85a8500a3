import { isHoldfastError, ToolError } from "../../core/errors.ts";
import { toFailure, type Failure } from "../../core/failure.ts";
import type { NetworkRules } from "../../definitions/network-rules.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { ToolResource } from "../../ports/tool-resource.ts";
import type { CodeLimits } from "./code-limits.ts";
import { codeResult, type CodeResult } from "./code-result.ts";
import { checkInstalled, trySandbox } from "./find-sandbox.ts";
import { giveWorkspace } from "./give-workspace.ts";
import { KEPT_DRIVERS } from "./kept-drivers.ts";
import { KeptInterpreter } from "./kept-interpreter.ts";
import { KeptInterpreters } from "./kept-interpreters.ts";
import { keptProgramOf, programOf, type ProcessLanguage } from "./languages.ts";
import { PreparedSandbox, type PreparedFor } from "./prepared-sandbox.ts";
import { runInSandbox, type SandboxRun } from "./run-in-sandbox.ts";
import type { SandboxPlan } from "./sandbox-command.ts";
import { killSandbox, notStarted, type SandboxProcess } from "./start-sandbox.ts";
import { Ticker } from "./ticker.ts";
import { WayOut } from "./way-out.ts";
import { changedFiles, useOfWorkspace, type WorkspaceUse } from "./workspace-use.ts";

export type ProcessSettings = {
  readonly languages: readonly ProcessLanguage[];
  readonly limits: CodeLimits;
  /** Whether interpreters go on from call to call. */
  readonly keepsState: boolean;
  /** What may be reached; null for nothing. */
  readonly network: NetworkRules | null;
};

type Call = {
  readonly language: ProcessLanguage;
  readonly code: string;
  readonly context: ToolContext;
  readonly workspace: string;
  readonly before: WorkspaceUse;
};

type Given = Pick<SandboxPlan, "workspace" | "isGiven">;

type Ran = { readonly run: SandboxRun; readonly refused: readonly string[]; readonly state: string | null };

/** The processes in sandboxes that one set of tools has running. */
export class SandboxedProcesses implements ToolResource {
  readonly name = "code in sandboxes";
  readonly #settings: ProcessSettings;
  readonly #running = new Set<SandboxProcess>();
  readonly #waysOut = new Set<WayOut>();
  readonly #ticker = new Ticker();
  readonly #kept = new KeptInterpreters();
  readonly #prepared = new PreparedSandbox();
  #works: Promise<void> | null = null;

  constructor(settings: ProcessSettings) {
    this.#settings = settings;
  }

  held(): { readonly [kind: string]: number } {
    // Each listens, and has what is connected through it.
    const sockets = [...this.#waysOut].reduce((sum, wayOut) => sum + 1 + wayOut.sockets, 0);
    const processes = this.#running.size + this.#prepared.size;
    return { processes, ...(this.#settings.network === null ? {} : { sockets }) };
  }

  /** Code ends with its call, but for interpreters that are kept; and a sandbox may stand ready for the next one. */
  async rest(sessionId: string): Promise<void> {
    await Promise.all([this.#kept.rest(sessionId), this.#prepared.rest(sessionId)]);
  }

  async close(): Promise<void> {
    const ended = [...this.#running].map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const child of this.#running) killSandbox(child);
    await Promise.all([...ended, this.#kept.close(), this.#prepared.close()]);
    await Promise.all([...this.#waysOut].map((wayOut) => this.#shut(wayOut)));
  }

  async check(): Promise<Failure | null> {
    try {
      await this.#ready(this.#settings.languages);
      return null;
    } catch (thrown) {
      return toFailure(thrown);
    }
  }

  /** Runs code for the session of `context`, in its workspace. @throws SandboxUnavailableError, ToolError */
  async run(language: ProcessLanguage, code: string, context: ToolContext): Promise<CodeResult> {
    const { limits, keepsState } = this.#settings;
    const { workspace, before } = await this.#prepare(language, context);
    const call: Call = { language, code, context, workspace, before };
    const ran = await (keepsState ? this.#goOn(call) : this.#runAlone(call));
    const after = await useOfWorkspace(workspace, limits.maxWorkspaceFiles);
    return codeResult({ ...ran, limits, changed: changedFiles(before, after) });
  }

  async #runAlone(call: Call): Promise<Ran> {
    const wayOut = await this.#open();
    try {
      const run = await (wayOut === null ? this.#runPrepared(call) : this.#runIn(null, call, wayOut));
      return { run, refused: wayOut?.takeRefused() ?? [], state: null };
    } finally {
      await this.#shut(wayOut);
    }
  }

  async #runPrepared(call: Call): Promise<SandboxRun> {
    const whom = forWhom(call);
    // What came into the workspace since it was prepared is given to nobody as well.
    if (isRoot() && !call.before.isGiven && this.#prepared.has(whom)) await giveWorkspace(call.workspace);
    const running = this.#runIn(this.#prepared.take(whom), call, null);
    // While this one runs. Where others run too, the processor is theirs.
    if (this.#running.size === 1) {
      this.#prepared.prepare(whom, { ...this.#planAlone(call, null), isGiven: true });
    }
    return running;
  }

  #runIn(prepared: SandboxProcess | null, call: Call, wayOut: WayOut | null): Promise<SandboxRun> {
    return runInSandbox({
      plan: this.#planAlone(call, wayOut),
      prepared,
      code: call.code,
      signal: call.context.signal,
      ticker: this.#ticker,
      workspaceBytes: call.before.bytes,
      onStart: (child) => this.#keep(child),
    });
  }

  #planAlone({ language, workspace, before }: Call, wayOut: WayOut | null): SandboxPlan {
    const program = programOf(language, this.#settings.limits);
    return this.#planOf({ workspace, isGiven: before.isGiven, program, isKept: false, wayOut });
  }

  async #goOn({ language, code, context, workspace, before }: Call): Promise<Ran> {
    if (code.includes("\0")) throw new ToolError("Code holds no zero characters.", { executed: false });
    const { signal, session } = context;
    return this.#kept.run({
      keeping: { sessionId: session.id, language },
      call: { code, signal, workspaceBytes: before.bytes },
      start: () => this.#startKept(language, { workspace, isGiven: before.isGiven }),
      // One that begins is given it at its beginning.
      goOn: async () => {
        if (isRoot() && !before.isGiven) await giveWorkspace(workspace);
      },
    });
  }

  async #startKept(language: ProcessLanguage, { workspace, isGiven }: Given): Promise<KeptInterpreter> {
    const wayOut = await this.#open();
    try {
      const program = keptProgramOf(language, this.#settings.limits);
      const interpreter = new KeptInterpreter({
        plan: this.#planOf({ workspace, isGiven, program, isKept: true, wayOut }),
        driver: KEPT_DRIVERS[language],
        ticker: this.#ticker,
        wayOut,
        onEnd: () => this.#shut(wayOut),
      });
      this.#keep(interpreter.child);
      return interpreter;
    } catch (thrown) {
      await this.#shut(wayOut);
      throw thrown;
    }
  }

  #planOf({
    wayOut,
    ...rest
  }: Given & Pick<SandboxPlan, "program" | "isKept"> & { readonly wayOut: WayOut | null }): SandboxPlan {
    return {
      ...rest,
      limits: this.#settings.limits,
      isRoot: isRoot(),
      proxy: wayOut?.socketPath ?? null,
    };
  }

  /** @throws ToolError with `executed: false` when there is no socket to be had. */
  async #open(): Promise<WayOut | null> {
    const { network, limits } = this.#settings;
    if (network === null) return null;
    try {
      const wayOut = await WayOut.open(network, limits.maxNetworkMb * MIB);
      this.#waysOut.add(wayOut);
      return wayOut;
    } catch (thrown) {
      throw notStarted(thrown);
    }
  }

  async #shut(wayOut: WayOut | null): Promise<void> {
    if (wayOut === null) return;
    await wayOut.close();
    this.#waysOut.delete(wayOut);
  }

  /** What goes wrong here does so before anything was run. */
  async #prepare(language: ProcessLanguage, context: ToolContext) {
    try {
      await this.#ready([language]);
      const workspace = await context.workspace.path();
      return { workspace, before: await useOfWorkspace(workspace, this.#settings.limits.maxWorkspaceFiles) };
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

const MIB = 1_024 * 1_024;

const forWhom = ({ language, context, workspace, before }: Call): PreparedFor => ({
  sessionId: context.session.id,
  language,
  workspace,
  inode: before.inode,
});

const isRoot = (): boolean => process.getuid?.() === 0;
