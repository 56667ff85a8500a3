import { pickAgent } from "../agent-file/agents-in.ts";
import type { AgentFile } from "../agent-file/load-agent-file.ts";
import { type AgentDefinition, createRuntime, type Runtime, type Session } from "../../runtime/index.ts";
import { ConflictError } from "../../core/index.ts";

type LiveSettings = {
  readonly fileName: string;
  readonly wanted: string | undefined;
  readonly dataDir: string;
};

/** The last definition of an agent file that could be used, with a runtime that has it. */
export class LiveAgent {
  readonly #file: AgentFile;
  readonly #settings: LiveSettings;
  #runtime: Runtime | null = null;
  #agent: AgentDefinition<unknown> | null = null;
  #sessionId: string | null;

  constructor(file: AgentFile, settings: LiveSettings, sessionId: string | null) {
    this.#file = file;
    this.#settings = settings;
    this.#sessionId = sessionId;
  }

  get name(): string {
    return this.#agent?.name ?? "";
  }

  /**
   * Reads the file and goes on with what it defines now. When it cannot be used, nothing changes.
   *
   * @throws what is wrong with the file.
   */
  async load(): Promise<void> {
    const agents = await this.#file.load();
    const { fileName, wanted, dataDir } = this.#settings;
    const agent = pickAgent(agents, { file: fileName, wanted: this.#agent?.name ?? wanted });
    const before = this.#runtime;
    // A definition may be refused as late as here: the old runtime goes only once the new one stands.
    const next = await createRuntime({ agents: [...new Set(agents.values())], dataDir });
    this.#agent = agent;
    this.#runtime = next;
    await before?.close();
  }

  /** The one session that all lines go to; made when the first one comes. */
  async session(): Promise<Session<unknown>> {
    if (this.#runtime === null || this.#agent === null)
      throw new ConflictError("AGENT_NOT_FOUND", "No agent is loaded.");
    if (this.#sessionId !== null) return await this.#runtime.getSession<unknown>(this.#sessionId);
    const session = await this.#runtime.createSession(this.#agent);
    this.#sessionId = session.id;
    return session;
  }

  async close(): Promise<void> {
    await this.#runtime?.close();
  }
}
