import type { KeptCall, KeptInterpreter } from "./kept-interpreter.ts";
import { PROCESS_LANGUAGES, type ProcessLanguage } from "./languages.ts";
import type { SandboxRun } from "./run-in-sandbox.ts";
import { SessionTurns } from "./session-turns.ts";

/** Whose interpreter it is. */
export type Keeping = { readonly sessionId: string; readonly language: ProcessLanguage };

export type KeptTerms = {
  readonly keeping: Keeping;
  readonly call: KeptCall;
  /** Starts an interpreter. @throws ToolError with `executed: false` when that cannot be done */
  readonly start: () => Promise<KeptInterpreter>;
  /** Done before one that was there goes on. */
  readonly goOn: () => Promise<void>;
};

export type KeptRun = {
  readonly run: SandboxRun;
  /** Hosts that were not let through, and why. */
  readonly refused: readonly string[];
  /** What became of variables; null where they are all there. */
  readonly state: string | null;
};

/** Sessions of which it is remembered why they lost their variables; of others it is only said that they did. */
const MAX_REMEMBERED = 1_000;

const keyOf = ({ sessionId, language }: Keeping): string => `${language} ${sessionId}`;

/** Interpreters that go on from call to call: one for each session and language. */
export class KeptInterpreters {
  readonly #kept = new Map<string, KeptInterpreter>();
  readonly #lost = new Map<string, string>();
  /** An interpreter does one thing at a time. */
  readonly #turns = new SessionTurns(Number.MAX_SAFE_INTEGER, 1);

  /** @throws ToolError with `executed: false` when no process can be started. */
  async run({ keeping, call, start, goOn }: KeptTerms): Promise<KeptRun> {
    const key = keyOf(keeping);
    const leave = await this.#turns.take(key, call.signal);
    try {
      const found = this.#find(key);
      const interpreter = found ?? (await start());
      const begun = found === null ? this.#begin(key, interpreter) : null;
      if (found !== null) await goOn();
      const run = await interpreter.run(call);
      const states = [begun, this.#afterwards(key, interpreter)].filter((text) => text !== null);
      return {
        run,
        refused: interpreter.takeRefused(),
        state: states.length === 0 ? null : states.join(" "),
      };
    } finally {
      leave();
    }
  }

  #find(key: string): KeptInterpreter | null {
    const found = this.#kept.get(key);
    if (found === undefined) return null;
    if (found.isAlive) return found;
    this.#lose(key, whyOf(found, "has ended between two calls"));
    return null;
  }

  /** What an interpreter that was started just now has to say of those before it. */
  #begin(key: string, started: KeptInterpreter): string {
    this.#kept.set(key, started);
    const why = this.#lost.get(key);
    this.#lost.delete(key);
    return why === undefined
      ? "This is a new interpreter: variables of earlier calls, if there were any, are gone."
      : `This is a new interpreter: variables of earlier calls are gone, because ${why}.`;
  }

  #afterwards(key: string, interpreter: KeptInterpreter): string | null {
    if (interpreter.isAlive) return null;
    if (this.#kept.get(key) === interpreter) this.#lose(key, whyOf(interpreter, "has ended"));
    return "The interpreter has ended with this call: its variables are gone.";
  }

  #lose(key: string, why: string): void {
    this.#kept.delete(key);
    const [oldest] = this.#lost.keys();
    if (this.#lost.size >= MAX_REMEMBERED && oldest !== undefined) this.#lost.delete(oldest);
    this.#lost.set(key, why);
  }

  /** Lets go of what is kept for one session. */
  async rest(sessionId: string): Promise<void> {
    const keys = PROCESS_LANGUAGES.map((language) => keyOf({ sessionId, language }));
    await Promise.all(keys.map((key) => this.#end(key, "the session has rested meanwhile")));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((key) => this.#end(key, "everything was closed meanwhile")));
  }

  async #end(key: string, why: string): Promise<void> {
    const interpreter = this.#kept.get(key);
    if (interpreter === undefined) return;
    this.#lose(key, why);
    await interpreter.close();
  }
}

const whyOf = ({ stopped }: KeptInterpreter, otherwise: string): string =>
  `the last one ${stopped === null ? otherwise : "was stopped"}`;
