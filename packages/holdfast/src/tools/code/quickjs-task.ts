import type { CompiledQuickJs } from "./load-quickjs.ts";

/** What a thread is made with. */
export type QuickJsThreadData = {
  readonly engine: CompiledQuickJs;
  /** One number: not 0 when the code that runs has to stop. */
  readonly stop: Int32Array<SharedArrayBuffer>;
};

/** Code to run, and how far it may go. */
export type QuickJsTask = {
  readonly code: string;
  readonly memoryBytes: number;
  /** What is printed, and what the result may be, each. */
  readonly outputBytes: number;
};

/** What was thrown, as far as it could be read. */
export type ThrownByCode = { readonly name: string; readonly message: string; readonly stack: string };

export type QuickJsEnd =
  /** `json` is null where there is no result, or none that JSON can hold. */
  | { readonly kind: "result"; readonly json: string | null }
  | { readonly kind: "thrown"; readonly thrown: ThrownByCode }
  /** Nothing is left to do, and what it awaits is not settled. */
  | { readonly kind: "waits" }
  /** There was no memory left, not even to say so. */
  | { readonly kind: "memory" }
  /** It printed more than it may. */
  | { readonly kind: "output" }
  /** It was told to stop. */
  | { readonly kind: "stopped" };

/** What a thread answers. */
export type QuickJsAnswer = {
  readonly end: QuickJsEnd;
  readonly printed: string;
  /** The thread is not to be used again. */
  readonly isSpent: boolean;
};

export type FromQuickJsThread = "ready" | QuickJsAnswer;
