import type { QuickJSContext, QuickJSHandle, QuickJSWASMModule } from "quickjs-emscripten-core";
import { CutText } from "./cut-text.ts";
import { QUICKJS_PRELUDE } from "./quickjs-prelude.ts";
import type { QuickJsEnd, QuickJsTask, ThrownByCode } from "./quickjs-task.ts";

/** What more stack is asked for, the engine's own checks come too late for WebAssembly. */
const STACK_BYTES = 128 * 1_024;

/** Scripts in which `await` is allowed; they give a promise of `{ value }`, of the last expression. */
const ASYNC_SCRIPT = 1 << 7;

/** Jobs of promises between two looks at whether to go on. */
const JOBS_AT_ONCE = 64;

/** The file that errors name. */
export const CODE_FILE = "code.js";

export type QuickJsRun = { readonly end: QuickJsEnd; readonly printed: string };

/** Asked and told again and again while code runs. */
export type QuickJsHooks = { readonly mustStop: () => boolean; readonly onStep: () => void };

/**
 * Runs code in an engine of its own, to which it is the only thing that ever happens: nothing is freed, because whoever calls lets
 * go of the whole. Nothing of it reaches this side but texts.
 *
 * @throws whatever WebAssembly traps with when the engine breaks.
 */
export const runInQuickJs = (
  engine: QuickJSWASMModule,
  task: QuickJsTask,
  { mustStop, onStep }: QuickJsHooks,
): QuickJsRun => {
  const printed = new CutText();
  const isFull = (): boolean => printed.bytes > task.outputBytes;
  const isOver = (): boolean => isFull() || mustStop();
  const runtime = engine.newRuntime();
  runtime.setMemoryLimit(task.memoryBytes);
  runtime.setMaxStackSize(STACK_BYTES);
  const context = runtime.newContext();
  const guest = new Guest(context, task.outputBytes, (text) => printed.add(Buffer.from(text)));
  // Not before: what is done for the code is not to be interrupted.
  runtime.setInterruptHandler(() => {
    onStep();
    return isOver();
  });
  const ended = run(guest, task.code, isOver);
  const end: QuickJsEnd = isFull() ? { kind: "output" } : mustStop() ? { kind: "stopped" } : ended;
  return { end, printed: printed.text() };
};

const run = (guest: Guest, code: string, isOver: () => boolean): QuickJsEnd => {
  const { runtime } = guest.context;
  const evaluated = guest.context.evalCode(code, CODE_FILE, ASYNC_SCRIPT);
  if (evaluated.error !== undefined) return guest.thrown(evaluated.error);
  const result = guest.resultOf(evaluated.value);
  if ("kind" in result) return result;
  // A job that is interrupted is only a promise that is rejected: what follows has to be stopped as well.
  while (!isOver() && runtime.hasPendingJob()) {
    const done = runtime.executePendingJobs(JOBS_AT_ONCE);
    if (done.error !== undefined) return guest.thrown(done.error);
  }
  return guest.settled(result.promise);
};

export const UNREADABLE: ThrownByCode = {
  name: "Error",
  message: "Something was thrown that cannot be read; there may have been no memory left.",
  stack: "",
};

/** The context of the code, with what the prelude gave back. */
class Guest {
  readonly context: QuickJSContext;
  readonly #describe: QuickJSHandle;
  readonly #result: QuickJSHandle;

  constructor(context: QuickJSContext, maxChars: number, onPrint: (text: string) => void) {
    this.context = context;
    const print = context.newFunction("print", (line) => {
      onPrint(String(JSON.parse(context.getString(line))));
    });
    const prelude = context.unwrapResult(context.evalCode(QUICKJS_PRELUDE, "prelude.js"));
    const made = context.callFunction(prelude, context.undefined, print, context.newNumber(maxChars));
    const helpers = context.unwrapResult(made);
    this.#describe = context.getProp(helpers, "describe");
    this.#result = context.getProp(helpers, "result");
  }

  resultOf(evaluated: QuickJSHandle): { readonly promise: QuickJSHandle } | QuickJsEnd {
    const called = this.context.callFunction(this.#result, this.context.undefined, evaluated);
    return called.error === undefined ? { promise: called.value } : this.thrown(called.error);
  }

  settled(promise: QuickJSHandle): QuickJsEnd {
    const state = this.context.getPromiseState(promise);
    switch (state.type) {
      case "pending":
        return { kind: "waits" };
      case "rejected":
        return this.thrown(state.error);
      case "fulfilled":
        return { kind: "result", json: this.#textOf(state.value) };
    }
  }

  thrown(error: QuickJSHandle): QuickJsEnd {
    const described = this.context.callFunction(this.#describe, this.context.undefined, error);
    const text = described.error === undefined ? this.#textOf(described.value) : null;
    return { kind: "thrown", thrown: text === null ? UNREADABLE : readThrown(text) };
  }

  #textOf(value: QuickJSHandle): string | null {
    return this.context.typeof(value) === "string" ? this.context.getString(value) : null;
  }
}

/** What the prelude wrote; it is the code's world all the same, and may be anything. */
const readThrown = (json: string): ThrownByCode => {
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== "object" || parsed === null) return UNREADABLE;
  const textOf = (name: string): string => {
    const value: unknown = Reflect.get(parsed, name);
    return typeof value === "string" ? value : "";
  };
  return { name: textOf("name"), message: textOf("message"), stack: textOf("stack") };
};
