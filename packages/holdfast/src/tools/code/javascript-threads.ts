import { toFailure, type Failure } from "../../core/failure.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { ToolResource } from "../../ports/tool-resource.ts";
import type { CodeLimits } from "./code-limits.ts";
import { javaScriptResult, lostResult, type JavaScriptResult } from "./javascript-result.ts";
import { JavaScriptThread, type ThreadEnd, type ThreadTerms } from "./javascript-thread.ts";
import { loadQuickJs, type CompiledQuickJs } from "./load-quickjs.ts";
import type { QuickJsTask } from "./quickjs-task.ts";
import { SessionTurns } from "./session-turns.ts";

/** Threads at once; further calls wait for one. */
const MAX_THREADS = 16;
/** Of one session, so that none keeps the others waiting. */
const MAX_OF_SESSION = 4;
/** Threads that are kept for the next call: starting one takes more than most calls do. */
const MAX_IDLE = 8;

const KIB = 1_024;
const MIB = KIB * KIB;

/** The threads in which one set of tools runs JavaScript. */
export class JavaScriptThreads implements ToolResource {
  readonly name = "JavaScript in threads";
  readonly #limits: CodeLimits;
  readonly #threads = new Set<JavaScriptThread>();
  readonly #turns = new SessionTurns(MAX_THREADS, MAX_OF_SESSION);
  #idle: readonly JavaScriptThread[] = [];
  #engine: Promise<CompiledQuickJs> | null = null;

  constructor(limits: CodeLimits) {
    this.#limits = limits;
  }

  held(): { readonly [kind: string]: number } {
    return { threads: this.#threads.size };
  }

  /** Code ends with its call, so nothing is left of a session that rests. */
  rest(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#idle = [];
    await Promise.all([...this.#threads].map((thread) => this.#end(thread)));
  }

  async check(): Promise<Failure | null> {
    try {
      await this.#load();
      return null;
    } catch (thrown) {
      return toFailure(thrown);
    }
  }

  /** Runs code that nothing was before and of which nothing is left. @throws ConfigurationError */
  async run(code: string, { session, signal }: ToolContext): Promise<JavaScriptResult> {
    const engine = await this.#load();
    const limits = this.#limits;
    const task: QuickJsTask = {
      code,
      memoryBytes: limits.memoryMb * MIB,
      outputBytes: limits.maxOutputKb * KIB,
    };
    const leave = await this.#turns.take(session.id, signal);
    try {
      const { answer, stop } = await this.#inThread(engine, { task, timeoutMs: limits.timeoutMs, signal });
      return answer === null
        ? lostResult(stop ?? "crashed", limits)
        : javaScriptResult(answer, stop ?? "time", limits);
    } finally {
      leave();
    }
  }

  async #inThread(engine: CompiledQuickJs, terms: ThreadTerms): Promise<ThreadEnd> {
    const thread = this.#takeIdle() ?? this.#start(engine);
    const end = await thread.run(terms);
    const isFit = end.answer?.isSpent === false && thread.isAlive;
    if (isFit && this.#idle.length < MAX_IDLE) this.#idle = [...this.#idle, thread];
    else await this.#end(thread);
    return end;
  }

  #takeIdle(): JavaScriptThread | undefined {
    for (const thread of this.#idle) if (!thread.isAlive) this.#threads.delete(thread);
    const [first, ...others] = this.#idle.filter(({ isAlive }) => isAlive);
    this.#idle = others;
    return first;
  }

  #start(engine: CompiledQuickJs): JavaScriptThread {
    const thread = new JavaScriptThread(engine);
    this.#threads.add(thread);
    return thread;
  }

  async #end(thread: JavaScriptThread): Promise<void> {
    await thread.end("closed");
    this.#threads.delete(thread);
  }

  /** What could not be loaded is tried again, because somebody may have installed it. */
  async #load(): Promise<CompiledQuickJs> {
    this.#engine ??= loadQuickJs();
    try {
      return await this.#engine;
    } catch (thrown) {
      this.#engine = null;
      throw thrown;
    }
  }
}
