/** A thread in which code runs in QuickJS: it takes one task at a time, and each has an engine of its own. */
import { parentPort, workerData } from "node:worker_threads";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSSyncVariant,
} from "quickjs-emscripten-core";
import packaged from "@jitl/quickjs-wasmfile-release-sync";
import { giveWayTo } from "./give-way.ts";
import { runInQuickJs, UNREADABLE } from "./quickjs-run.ts";
import type {
  FromQuickJsThread,
  QuickJsAnswer,
  QuickJsEnd,
  QuickJsTask,
  QuickJsThreadData,
} from "./quickjs-task.ts";

/** Node has it; its types do not. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
    readonly buffer: ArrayBuffer;
  };
};

/** Processor time, in microseconds, after which code gives way to that of others. */
const SHORT_US = 500_000;

const PAGE_BYTES = 65_536;
/** What the engine begins with, and cannot begin without: its stack, its tables. */
const FIRST_PAGES = 256;
/** What the engine was built for. */
const MOST_PAGES = 32_768;
/** Memory above which it is better given back at once, with the thread, than when somebody collects it. */
const LARGE_BYTES = 64 * 1_024 * 1_024;

/** The types of the package are of CommonJS, and what is loaded is a module: there it is one step nearer. */
const release: QuickJSSyncVariant = "default" in packaged ? packaged.default : packaged;

const answer = async ({ engine, stop }: QuickJsThreadData, task: QuickJsTask): Promise<QuickJsAnswer> => {
  const maximum = Math.min(FIRST_PAGES + Math.ceil(task.memoryBytes / PAGE_BYTES), MOST_PAGES);
  const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum });
  const variant = newVariant(release, { wasmModule: engine, wasmMemory: memory });
  const quickjs = await newQuickJSWASMModuleFromVariant(variant);
  try {
    let hasGivenWay = false;
    const before = process.threadCpuUsage();
    const onStep = (): void => {
      if (hasGivenWay) return;
      const { user, system } = process.threadCpuUsage(before);
      hasGivenWay = user + system > SHORT_US;
      if (hasGivenWay) giveWayTo("everybody");
    };
    const mustStop = (): boolean => Atomics.load(stop, 0) !== 0;
    const run = runInQuickJs(quickjs, task, { mustStop, onStep });
    const { byteLength } = memory.buffer;
    const end = isUnsaid(run.end) && byteLength >= task.memoryBytes ? { kind: "memory" as const } : run.end;
    return { end, printed: run.printed, isSpent: hasGivenWay || byteLength > LARGE_BYTES };
  } catch (trap) {
    const thrown = { name: "InternalError", message: `The engine broke: ${String(trap)}`, stack: "" };
    return { end: { kind: "thrown", thrown }, printed: "", isSpent: true };
  }
};

/** Without memory there is none for an error either: what is thrown then is null, and what would be done with it is lost. */
const isUnsaid = (end: QuickJsEnd): boolean =>
  end.kind === "waits" ||
  (end.kind === "thrown" && ["null", UNREADABLE.message].includes(end.thrown.message));

// Nothing is begun where only a type is wanted.
if (parentPort !== null && workerData !== null) {
  const port = parentPort;
  giveWayTo("runtime");
  const post = (message: FromQuickJsThread): void => port.postMessage(message);
  port.on("message", (task: QuickJsTask) => {
    void answer(workerData as QuickJsThreadData, task).then(post);
  });
  post("ready");
}
