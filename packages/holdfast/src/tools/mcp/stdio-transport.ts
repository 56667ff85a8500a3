import { spawn, type ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import type { Logger } from "../../ports/tool.ts";
import { KEEPER_SCRIPT } from "./keeper-script.ts";
import { LineReader } from "./line-reader.ts";
import { McpError } from "./mcp-error.ts";
import { OutputLog } from "./output-log.ts";

/** How a server is started. */
export type StdioSettings = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** What is waited before it is started, in the child itself. */
  readonly delayMs: number;
  readonly maxMessageBytes: number;
  readonly parse: (value: unknown) => JSONRPCMessage;
  readonly log: Logger | null;
};

const LIFELINE = 3;

/** Of the longest messages, so many may wait for a server that does not read: all that it asks is answered, and kept until it does. */
const UNREAD_MESSAGES = 4;

/** What every server gets of our environment: nothing in it is a secret. */
const INHERITED = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_ALL", "TZ", "TMPDIR"];

const inherited = (): Record<string, string> =>
  Object.fromEntries(
    INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** A server in a process of its own, which does not outlive this one (R3), and its lines of JSON. */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  readonly #settings: StdioSettings;
  readonly #said: OutputLog;
  readonly #ended = Promise.withResolvers<void>();
  #child: ChildProcess | null = null;
  /** `exited`: what it wrote last is still read. */
  #status: "new" | "open" | "closing" | "exited" | "closed" = "new";
  #exit = "";
  #turn: Promise<void> = Promise.resolve();
  #fault: string | null = null;

  constructor(settings: StdioSettings) {
    this.#settings = settings;
    this.#said = new OutputLog(settings.name, settings.log);
  }

  /** By these two members the SDK knows that there is a process on the other side. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get stderr(): null {
    return null;
  }

  get isOpen(): boolean {
    return this.#status === "open";
  }

  /** What it did that it may not, for which it was ended. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Why it is not there any more, as far as it said so; for the developer. */
  get lastWords(): string {
    const how = this.#fault ?? (this.#exit === "" ? "" : `It ended with ${this.#exit}.`);
    return [how, this.#said.tail].filter((text) => text !== "").join(" ");
  }

  async start(): Promise<void> {
    if (this.#status !== "new") throw this.#gone();
    const { command, args, env, cwd, delayMs } = this.#settings;
    const child = spawn("/bin/sh", ["-c", KEEPER_SCRIPT, "mcp", String(delayMs / 1000), command, ...args], {
      detached: true,
      cwd,
      env: { ...inherited(), ...env },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
    this.#child = child;
    this.#status = "open";
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.once("spawn", resolve);
    child.on("error", (cause) => {
      this.#finish();
      reject(
        new McpError(`The MCP server "${this.#settings.name}" could not be started.`, {
          executed: false,
          cause,
        }),
      );
    });
    // One for which nothing was to spare has no pipes at all; its error is on its way.
    if (child.pid !== undefined) this.#listen(child);
    await promise;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (this.#status !== "open" || stdin === null || stdin === undefined || !stdin.writable)
      throw this.#gone();
    const maxUnread = UNREAD_MESSAGES * this.#settings.maxMessageBytes;
    if (stdin.writableLength > maxUnread) {
      this.#fault = `It asks and does not read: more than ${maxUnread} bytes wait for it, and it was ended.`;
      this.#letGo();
      throw this.#gone();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
    await promise;
  }

  /** Ends the server and everything below it; within three seconds, whatever it does. */
  async close(): Promise<void> {
    if (this.#status === "new" || this.#status === "exited") this.#finish();
    if (this.#status === "open" && this.#child?.pid !== undefined) this.#letGo();
    await this.#ended.promise;
  }

  #letGo(): void {
    this.#status = "closing";
    this.#child?.stdin?.end();
    lifelineOf(this.#child)?.end();
  }

  #listen(child: ChildProcess): void {
    const { maxMessageBytes } = this.#settings;
    const lines = new LineReader(maxMessageBytes, (line) => this.#read(line));
    child.stdout?.on("data", (chunk: Buffer) => {
      if (this.#fault !== null || lines.add(chunk)) return;
      this.#fault = `It wrote a message longer than ${maxMessageBytes} bytes (maxMessageBytes), and was ended.`;
      this.#letGo();
    });
    child.stderr?.on("data", (chunk: Buffer) => this.#said.add(chunk));
    const lifeline = lifelineOf(child);
    lifeline?.on("data", (chunk: Buffer) => {
      this.#exit = chunk.toString().trim().replace("exit", "code");
    });
    for (const stream of [child.stdin, child.stdout, child.stderr, lifeline])
      stream?.on("error", () => undefined);
    child.once("exit", () => {
      // Whoever moved out of the group and lost the mark may still hold the pipes: closing does not wait for that.
      if (this.#status === "closing") this.#finish();
      else this.#status = "exited";
    });
    child.once("close", () => this.#finish());
  }

  #read(line: string): void {
    let message: JSONRPCMessage;
    try {
      message = this.#settings.parse(JSON.parse(line));
    } catch {
      this.#said.addStray(line);
      return;
    }
    // One after the other, each once the one before was dealt with: an answer must not overtake what was said before it.
    this.#turn = this.#turn.then(() => this.onmessage?.(message));
  }

  #finish(): void {
    if (this.#status === "closed") return;
    this.#status = "closed";
    if (this.#child?.pid !== undefined) for (const stream of this.#child.stdio) stream?.destroy();
    this.#ended.resolve();
    this.onclose?.();
  }

  #gone(): McpError {
    return new McpError(`The MCP server "${this.#settings.name}" is not running.`, {
      executed: false,
      hint: this.lastWords,
    });
  }
}

const lifelineOf = (child: ChildProcess | null): Duplex | undefined =>
  (child?.stdio[LIFELINE] ?? undefined) as Duplex | undefined;
