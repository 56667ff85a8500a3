/**
 * Where isolated tools run: the first file of a thread or a process of its own. It loads the module of the tool
 * and runs one call at a time; whoever started it decides everything else.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { enableCompileCache, flushCompileCache } from "node:module";
import { isMainThread, workerData } from "node:worker_threads";
import { ToolError } from "../../core/errors.ts";
import { toFailure } from "../../core/failure.ts";
import { toJournalValue } from "../../core/journal-value.ts";
import type { ToolOutput } from "../../core/message.ts";
import type { SandboxOutput, SandboxVerification } from "../../ports/sandbox.ts";
import { invalidOutput, type Tool } from "../../ports/tool.ts";
import { HostContext } from "./host-context.ts";
import {
  giveWay,
  processLine,
  startLifeline,
  threadLine,
  watchLifeline,
  type HostLine,
  type ThreadData,
} from "./host-line.ts";
import { markHost } from "./host-mark.ts";
import type { FromHost, OutputStream, ToHost } from "./messages.ts";
import { tell } from "./told-error.ts";
import { importToolModule, isolatedToolsIn } from "./tool-modules.ts";

class ToolHost {
  readonly #line: HostLine;
  #tools: ReadonlyMap<string, Tool> = new Map();
  #context: HostContext;
  readonly #calls = new AsyncLocalStorage<HostContext>();

  constructor(line: HostLine) {
    this.#line = line;
    this.#context = new HostContext(line);
  }

  start(): void {
    const endBy = (what: string) => (thrown: unknown) =>
      this.#line.end({ kind: "dying", why: `${what}: ${toFailure(thrown).message}` });
    process.on("uncaughtException", endBy("it threw what nobody caught"));
    process.on("unhandledRejection", endBy("nobody caught a rejection"));
    this.#takeOutput("stdout");
    this.#takeOutput("stderr");
    this.#line.onMessage((message) => this.#hear(message));
  }

  #hear(message: ToHost): void {
    if (message.kind === "load") void this.#load(message.settings.module);
    else if (message.kind === "call") void this.#call(message);
    else this.#context.hear(message);
  }

  async #load(module: string): Promise<void> {
    try {
      this.#tools = isolatedToolsIn(await importToolModule(module));
      this.#line.post({ kind: "loaded", tools: [...this.#tools.keys()] });
      flushCompileCache();
      giveWay();
    } catch (thrown) {
      this.#line.post({ kind: "not-loaded", failure: toFailure(thrown, "DEFINITION_INVALID") });
    }
  }

  async #call(call: ToHost & { readonly kind: "call" }): Promise<void> {
    const context = new HostContext(this.#line);
    this.#context = context;
    const answer = await this.#calls.run(context, () => runCall(this.#tools.get(call.tool), call, context));
    context.end();
    this.#line.post(answer);
  }

  /** What is printed is said by whoever printed it: a call, as long as it lasts. */
  #takeOutput(stream: OutputStream): void {
    const calls = this.#calls;
    process[stream].write = (chunk: Uint8Array | string, ...more: readonly unknown[]): boolean => {
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      calls.getStore()?.print(stream, text);
      for (const done of more) if (typeof done === "function") queueMicrotask(() => void done());
      return true;
    };
  }
}

const runCall = async (
  tool: Tool | undefined,
  call: ToHost & { readonly kind: "call" },
  context: HostContext,
): Promise<FromHost> => {
  try {
    return { kind: "done", result: await runMember(tool, call, context) };
  } catch (thrown) {
    return { kind: "threw", told: tell(thrown) };
  }
};

const runMember = async (
  tool: Tool | undefined,
  { member, input, facts }: ToHost & { readonly kind: "call" },
  host: HostContext,
): Promise<SandboxOutput | SandboxVerification> => {
  if (tool === undefined) throw new ToolError("There is no such tool here.", { executed: false });
  const context = host.contextOf(facts);
  if (member === "execute") return outputOf(tool, await tool.execute(input, context));
  const found = await tool.verify?.(input, context);
  if (found?.status === "done") return { status: "done", ...(await outputOf(tool, found.output)) };
  if (found?.status === "not-done") return { status: "not-done" };
  return { status: "unknown", evidence: toJournalValue(found).value };
};

const outputOf = async (tool: Tool, result: unknown): Promise<SandboxOutput> => {
  const output = await tool.toOutput(result).catch(invalidOutput);
  const { value, isCoerced } = toJournalValue(output);
  return { output: value as ToolOutput, isCoerced };
};

const isThreadData = (data: unknown): data is ThreadData =>
  typeof data === "object" && data !== null && "holdfastHost" in data;

const startHost = async (): Promise<void> => {
  if (workerData === "lifeline") {
    watchLifeline();
    return;
  }
  markHost();
  // Types are stripped, and code is compiled, once for all the hosts to come.
  enableCompileCache();
  if (isThreadData(workerData)) {
    new ToolHost(threadLine(workerData)).start();
    return;
  }
  if (!isMainThread) return;
  const host = new ToolHost(processLine());
  await startLifeline();
  host.start();
};

void startHost();
