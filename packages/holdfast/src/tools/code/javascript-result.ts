import type { JsonValue } from "../../core/json.ts";
import type { CodeLimits } from "./code-limits.ts";
import { CODE_FILE } from "./quickjs-run.ts";
import type { QuickJsAnswer, ThrownByCode } from "./quickjs-task.ts";

/** What a model is told of JavaScript that ran in QuickJS. */
export type JavaScriptResult = {
  /** The value of the last expression; absent when it was undefined, or nothing that JSON can hold. */
  readonly result?: JsonValue;
  /** What it printed. */
  readonly printed: string;
  /** What was thrown and not caught. */
  readonly error?: JavaScriptError;
  /** Why it did not end by itself, and what to do; absent when it did. */
  readonly stopped?: string;
};

export type JavaScriptError = {
  readonly name: string;
  readonly message: string;
  /** Of the code, the first being 1; absent when it is not known. */
  readonly line?: number;
  /** Calls of the code that led there, the innermost first. */
  readonly stack?: string;
};

/** Why code was ended without its own doing. */
export type JavaScriptStop = "time" | "aborted" | "closed" | "memory" | "crashed";

export const javaScriptResult = (
  { end, printed: text }: QuickJsAnswer,
  stop: JavaScriptStop,
  limits: CodeLimits,
): JavaScriptResult => {
  const printed = text.toWellFormed();
  switch (end.kind) {
    case "result":
      return end.json === null ? { printed } : { result: JSON.parse(end.json) as JsonValue, printed };
    case "thrown":
      return { printed, error: errorOf(end.thrown, limits) };
    case "waits":
      return { printed, error: { name: "Error", message: WAITS } };
    case "memory":
      return { printed, stopped: stopText("memory", limits) };
    case "output":
      return {
        printed,
        stopped: `It was stopped: it printed more than ${limits.maxOutputKb} KiB. Print less.`,
      };
    case "stopped":
      return { printed, stopped: stopText(stop, limits) };
  }
};

/** What is told where the code could not say anything any more. */
export const lostResult = (reason: JavaScriptStop, limits: CodeLimits): JavaScriptResult => ({
  printed: "",
  stopped: `${stopText(reason, limits)} What it printed is lost.`,
});

const WAITS =
  "It waits for a promise that nothing will ever settle: here are no timers, no files and no network.";

const stopText = (reason: JavaScriptStop, limits: CodeLimits): string => {
  switch (reason) {
    case "time":
      return `It was stopped: it ran longer than ${limits.timeoutMs} ms. Do less at once.`;
    case "aborted":
      return "It was stopped: the call was cancelled.";
    case "closed":
      return "It was stopped: the runtime was closed.";
    case "memory":
      return `It was stopped: it may hold ${limits.memoryMb} MiB of memory, and took more. Work in smaller pieces.`;
    case "crashed":
      return "It was stopped: the thread it ran in has died.";
  }
};

const errorOf = ({ name, message, stack }: ThrownByCode, limits: CodeLimits): JavaScriptError => {
  const line = new RegExp(`${CODE_FILE}:(\\d+)`).exec(stack)?.[1];
  const isFull = name === "InternalError" && message === "out of memory";
  return {
    name: name.toWellFormed(),
    message: isFull ? `out of memory: it may hold ${limits.memoryMb} MiB` : message.toWellFormed(),
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(stack.trim() === "" ? {} : { stack: stack.toWellFormed() }),
  };
};
