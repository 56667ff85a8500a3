import { ToolError } from "../../core/errors.ts";
import { toJournalObject } from "../../core/journal-value.ts";
import type { LogFields, LogLevel, ToolContext, Workspace } from "../../ports/tool.ts";
import type { SavedArtifact } from "../../ports/artifacts.ts";
import type { SessionHistory } from "../../ports/session-history.ts";
import type { HostLine } from "./host-line.ts";
import {
  MAX_NOTES_AHEAD,
  type AskedMember,
  type CallFacts,
  type Note,
  type OutputStream,
  type ToHost,
} from "./messages.ts";
import { ToldError } from "./told-error.ts";

type Asked = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

/** The context of one call, inside: what it holds that is more than data is asked for across (I7). */
export class HostContext {
  readonly #line: HostLine;
  readonly #controller = new AbortController();
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #notesAhead = 0;
  #notesDropped = 0;
  #isOver = false;

  constructor(line: HostLine) {
    this.#line = line;
  }

  /** What the tool is given. */
  contextOf(facts: CallFacts): ToolContext {
    const log =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void =>
        this.#note({ kind: "log", level, message: String(message), fields: toJournalObject(fields).value });
    const context: Omit<ToolContext, "deps"> = {
      ...facts,
      resume: null,
      suspend: refuseSuspension,
      signal: this.#controller.signal,
      workspace: this.#workspace(),
      artifacts: { save: (file) => this.#ask("save", [file]) as Promise<SavedArtifact> },
      history: NO_HISTORY,
      secret: (name) => this.#secret(String(name)),
      log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
      progress: (message) => this.#note({ kind: "progress", message: String(message) }),
    };
    return Object.defineProperty(context, "deps", { enumerable: false, get: refuseDeps }) as ToolContext;
  }

  hear(message: ToHost): void {
    if (message.kind === "abort") this.#controller.abort(new DOMException(message.reason, "AbortError"));
    if (message.kind === "answer") this.#answered(message);
    if (message.kind === "credit") this.#credit(message.count);
  }

  print(stream: OutputStream, text: string): void {
    this.#note({ kind: "print", stream, text });
  }

  /** What is still running of the call speaks for nobody any more: the next call is another session's (S1). */
  end(): void {
    this.#sayDropped();
    this.#isOver = true;
  }

  #workspace(): Workspace {
    return {
      path: () => this.#ask("path", []) as Promise<string>,
      resolve: (path) => this.#ask("resolve", [path]) as Promise<string>,
      write: (path, content) => this.#ask("write", [path, content]) as Promise<string>,
      read: (path, options = {}) => this.#ask("read", [path, options.maxBytes]) as Promise<Uint8Array>,
    };
  }

  #ask(member: AskedMember, args: readonly unknown[]): Promise<unknown> {
    if (this.#isOver) return Promise.reject(callIsOver());
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      this.#asked.set(this.#lastId, { resolve, reject });
      this.#line.post({ kind: "ask", id: this.#lastId, member, args });
    });
  }

  #answered({ id, value, error }: ToHost & { readonly kind: "answer" }): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error === null) asked?.resolve(value);
    else asked?.reject(new ToldError(error));
  }

  #secret(name: string): string {
    if (this.#isOver) throw callIsOver();
    const answer = this.#line.askSecret(name);
    if ("error" in answer) throw new ToldError(answer.error);
    return answer.value;
  }

  /** A tool that says too much too fast is not waited for: what cannot be taken is left out, and that is said. */
  #note(note: Note): void {
    if (this.#isOver) return;
    if (this.#notesAhead >= MAX_NOTES_AHEAD) {
      this.#notesDropped += 1;
      return;
    }
    this.#notesAhead += 1;
    this.#line.post(note);
  }

  #credit(count: number): void {
    this.#notesAhead -= count;
    this.#sayDropped();
  }

  #sayDropped(): void {
    if (this.#notesDropped === 0) return;
    const message = `${this.#notesDropped} messages of this tool were left out: they came too fast.`;
    this.#notesDropped = 0;
    this.#line.post({ kind: "log", level: "warn", message, fields: {} });
  }
}

const callIsOver = (): ToolError =>
  new ToolError("The call is over: nothing can be done in its name any more.", { retryable: false });

const refuseDeps = (): never => {
  throw new ToolError("An isolated tool has no deps: they cannot be sent to where it runs.", {
    retryable: false,
    hint: "Make what it needs in its own module, or take `isolated` away from the tool.",
  });
};

const refuseSuspension = (): never => {
  throw new ToolError(
    "An isolated tool cannot suspend itself: what it returns is not the runtime's own value.",
    {
      executed: false,
      retryable: false,
    },
  );
};

const refuseHistory = (): never => {
  throw new ToolError("An isolated tool does not see what was said in its session: give it what it needs.", {
    executed: false,
    retryable: false,
  });
};

const NO_HISTORY: SessionHistory = {
  search: refuseHistory,
  read: refuseHistory,
  searchOthers: refuseHistory,
};
