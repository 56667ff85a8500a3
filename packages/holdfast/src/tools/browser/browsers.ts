import { isHoldfastError, ToolError } from "../../core/errors.ts";
import { toFailure, type Failure } from "../../core/failure.ts";
import { createTurns } from "../../definitions/turns.ts";
import type { Logger, ToolContext } from "../../ports/tool.ts";
import type { ToolResource } from "../../ports/tool-resource.ts";
import { startBrowser, type BrowserProcess } from "./browser-process.ts";
import { openBrowserSession, type BrowserSession } from "./browser-session.ts";
import type { BrowserSettings } from "./browser-settings.ts";

/** One session's browser: being opened, or open. */
type Line = { session: BrowserSession | null; readonly ready: Promise<BrowserSession> };

/**
 * The browser of one set of tools, started when the first session needs it and ended with the last that does; each session has a
 * context of its own in it (R1, R5).
 */
export class Browsers implements ToolResource {
  readonly name = "browser";
  readonly #settings: BrowserSettings;
  readonly #turns = createTurns();
  readonly #lines = new Map<string, Line>();
  readonly #processes = new Set<Promise<BrowserProcess>>();
  readonly #endings = new Map<Promise<BrowserProcess>, Promise<void>>();
  #process: Promise<BrowserProcess> | null = null;

  constructor(settings: BrowserSettings) {
    this.#settings = settings;
  }

  held(): { readonly [kind: string]: number } {
    const open = [...this.#lines.values()].flatMap(({ session }) => (session === null ? [] : [session]));
    return {
      processes: this.#processes.size,
      sessions: this.#lines.size,
      sockets: open.reduce((sum, { sockets }) => sum + sockets, 0),
    };
  }

  /** Does something with the session's browser; one call after the other. */
  use<Result>(call: ToolContext, work: (session: BrowserSession) => Promise<Result>): Promise<Result> {
    return this.#turns(call.session.id, async () => {
      if (call.signal.aborted)
        throw new ToolError("The call was given up before it began.", { executed: false });
      const session = await this.#sessionOf(call);
      try {
        return await session.during(call, () => work(session));
      } finally {
        if (session.tabs.isBroken) await this.#giveUp(call.session.id, session);
      }
    });
  }

  /** Waits for what the session does now, keeps its state, and closes its pages; the last one ends the browser. */
  rest(sessionId: string): Promise<void> {
    return this.#turns(sessionId, async () => {
      const line = this.#lines.get(sessionId);
      if (line === undefined) return;
      const session = line.session ?? (await line.ready.catch(() => null));
      await session?.keep();
      await session?.close();
      await this.#remove(sessionId, line);
    });
  }

  async close(): Promise<void> {
    const lines = [...this.#lines];
    await Promise.all(lines.map(async ([, { session }]) => session?.keep()));
    await Promise.all([...this.#processes].map((started) => this.#end(started)));
    await Promise.all(lines.map(async ([, { session }]) => session?.close()));
    await Promise.all(lines.map(([sessionId, line]) => this.#remove(sessionId, line)));
  }

  async check(): Promise<Failure | null> {
    try {
      const { close } = await startBrowser(this.#settings, null);
      await close();
      return null;
    } catch (thrown) {
      return toFailure(thrown);
    }
  }

  /** What opens no windows any more is of no use; where that was never otherwise, it is the browser's own state. */
  async #giveUp(sessionId: string, session: BrowserSession): Promise<void> {
    const line = this.#lines.get(sessionId);
    await session.close();
    if (session.tabs.documents === 0 && this.#process !== null) await this.#end(this.#process);
    if (line?.session === session) await this.#remove(sessionId, line);
  }

  async #sessionOf(call: ToolContext): Promise<BrowserSession> {
    const { id } = call.session;
    const held = this.#lines.get(id);
    if (held !== undefined) return held.ready;
    const line: Line = { session: null, ready: this.#open(call, () => void this.#remove(id, line)) };
    this.#lines.set(id, line);
    try {
      line.session = await line.ready;
      return line.session;
    } catch (thrown) {
      await this.#remove(id, line);
      throw isHoldfastError(thrown)
        ? thrown
        : new ToolError("The browser could not be used.", { executed: false, cause: thrown });
    }
  }

  async #open(call: ToolContext, onClose: () => void): Promise<BrowserSession> {
    const { browser } = await this.#started(call.log);
    return openBrowserSession({ browser, settings: this.#settings, workspace: call.workspace, onClose });
  }

  #started(log: Logger): Promise<BrowserProcess> {
    this.#process ??= this.#start(log);
    return this.#process;
  }

  #start(log: Logger): Promise<BrowserProcess> {
    const starting = startBrowser(this.#settings, log);
    this.#processes.add(starting);
    starting.then(
      ({ browser }) => browser.once("disconnected", () => void this.#end(starting)),
      () => this.#processes.delete(starting),
    );
    return starting;
  }

  /** Whether it has ended by itself or not: its keeper and its folders go too. */
  #end(started: Promise<BrowserProcess>): Promise<void> {
    if (this.#process === started) this.#process = null;
    const ending = this.#endings.get(started) ?? this.#endProcess(started);
    this.#endings.set(started, ending);
    return ending;
  }

  async #endProcess(started: Promise<BrowserProcess>): Promise<void> {
    const process = await started.catch(() => null);
    await process?.close();
    this.#processes.delete(started);
    this.#endings.delete(started);
  }

  /** The browser ends with the last session that had it. */
  async #remove(sessionId: string, line: Line): Promise<void> {
    if (this.#lines.get(sessionId) === line) this.#lines.delete(sessionId);
    if (this.#lines.size > 0) return;
    if (this.#process !== null) void this.#end(this.#process);
    await Promise.all(this.#endings.values());
  }
}
