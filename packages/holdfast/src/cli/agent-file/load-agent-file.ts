import { statSync } from "node:fs";
import { resolve } from "node:path";
import { NotFoundError } from "../../core/index.ts";
import { agentFileError } from "./agent-file-error.ts";
import { AgentModules } from "./agent-modules.ts";
import { agentsIn, type AgentsOfFile } from "./agents-in.ts";

/** An agent file that can be read, and read again after it was changed. */
export class AgentFile {
  readonly path: string;
  readonly #name: string;
  readonly #cwd: string;
  readonly #modules = new AgentModules();

  constructor(name: string, cwd: string) {
    this.#name = name;
    this.#cwd = cwd;
    this.path = resolve(cwd, name);
  }

  /** The user's files that the last load read. */
  get files(): readonly string[] {
    return [...new Set([this.path, ...this.#modules.files])];
  }

  /** @throws NotFoundError, ConfigurationError AGENT_FILE_INVALID */
  async load(): Promise<AgentsOfFile> {
    if (statSync(this.path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new NotFoundError("AGENT_FILE_INVALID", `There is no file ${this.#name}.`, {
        hint: "`holdfast init` writes a first agent.ts.",
        details: { file: this.path },
      });
    }
    try {
      return agentsIn(await this.#modules.import(this.path), this.#name);
    } catch (error) {
      if (isAboutExports(error)) throw error;
      throw agentFileError(error, { path: this.path, files: this.#modules.files, cwd: this.#cwd });
    }
  }

  close(): void {
    this.#modules.close();
  }
}

const isAboutExports = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "AGENT_FILE_INVALID";
