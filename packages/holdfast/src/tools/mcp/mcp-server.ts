import { createHash } from "node:crypto";
import type { Tool as ServerTool } from "@modelcontextprotocol/client";
import { toFailure, type Failure } from "../../core/failure.ts";
import { untilAborted } from "../../definitions/until-aborted.ts";
import type { Logger, ToolContext } from "../../ports/tool.ts";
import type { ToolResource } from "../../ports/tool-resource.ts";
import type { Sdk } from "./load-sdk.ts";
import { AuthorizedNow, McpConnection } from "./mcp-connection.ts";
import { McpError } from "./mcp-error.ts";
import type { McpSettings } from "./mcp-options.ts";
import { toolDigest } from "./tool-digest.ts";

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 10_000;
const MAX_LOG_INS = 2;
const EVERYBODY = "";

type Line = {
  connection: McpConnection | null;
  ready: Promise<McpConnection>;
};

/** The connections to one server: made when a call needs one, one for all sessions or one for each (R1, R5). */
export class McpServer implements ToolResource {
  readonly name: string;
  readonly #sdk: Sdk;
  readonly #settings: McpSettings;
  readonly #lines = new Map<string, Line>();
  readonly #all = new Set<McpConnection>();
  /** How often in a row it died, by whose connection it was. */
  readonly #deaths = new Map<string, number>();
  readonly #defined = new Map<string, string>();
  readonly #reported = new Set<string>();
  #isLegacy = false;

  constructor(sdk: Sdk, settings: McpSettings) {
    this.name = `MCP server "${settings.name}"`;
    this.#sdk = sdk;
    this.#settings = settings;
  }

  get settings(): McpSettings {
    return this.#settings;
  }

  get sdk(): Sdk {
    return this.#sdk;
  }

  held(): { readonly [kind: string]: number } {
    return this.#settings.target.kind === "stdio"
      ? { processes: this.#all.size }
      : { connections: this.#all.size };
  }

  /** What the agents are given from now on: what differs from it later is reported. */
  define(tools: readonly ServerTool[]): void {
    for (const tool of tools) this.#defined.set(tool.name, toolDigest(tool));
  }

  /**
   * The connection of the caller's session, or everybody's; made if there is none.
   *
   * @throws McpError with `executed: false`.
   */
  async connect(context: ToolContext): Promise<McpConnection> {
    const key = this.#settings.isShared ? EVERYBODY : context.session.id;
    const held = this.#lines.get(key);
    if (held !== undefined && (held.connection === null || held.connection.isOpen))
      return this.#started(context.signal, held.ready);
    return this.#started(context.signal, this.#begin(key, context).ready);
  }

  /** A connection for no session, which whoever asked for it closes. */
  async connectOnce(): Promise<McpConnection> {
    return this.#open(EVERYBODY, null);
  }

  /** The other side has lost the session: the next call makes another. */
  async drop(connection: McpConnection): Promise<void> {
    this.#remove(connection);
    await connection.close();
  }

  /** A call went well: the server is not one that dies all the time. */
  noteSuccess(context: ToolContext): void {
    this.#deaths.delete(this.#settings.isShared ? EVERYBODY : context.session.id);
  }

  async rest(sessionId: string): Promise<void> {
    this.#deaths.delete(sessionId);
    const line = this.#lines.get(sessionId);
    if (line === undefined) return;
    this.#lines.delete(sessionId);
    await closeLine(line);
  }

  async close(): Promise<void> {
    const lines = [...this.#lines.values()];
    this.#lines.clear();
    this.#deaths.clear();
    await Promise.all([...lines.map(closeLine), ...[...this.#all].map((connection) => connection.close())]);
  }

  async check(signal: AbortSignal): Promise<Failure | null> {
    try {
      const connection = await this.#started(signal, this.connectOnce());
      await connection.close();
      return null;
    } catch (thrown) {
      return toFailure(thrown);
    }
  }

  /** Stops waiting when nobody wants it any more; whoever else waits for the same goes on. */
  async #started(signal: AbortSignal, work: Promise<McpConnection>): Promise<McpConnection> {
    const connection = await untilAborted(signal, work);
    if (connection !== "aborted") return connection;
    throw new McpError(`The call ended while the ${this.name} was being started.`, { executed: false });
  }

  #begin(key: string, context: ToolContext): Line {
    const line: Line = { connection: null, ready: this.#open(key, context) };
    this.#lines.set(key, line);
    line.ready.then(
      (connection) => {
        line.connection = connection;
      },
      () => {
        if (this.#lines.get(key) === line) this.#lines.delete(key);
      },
    );
    return line;
  }

  async #open(key: string, context: ToolContext | null, logIns = 0): Promise<McpConnection> {
    try {
      return await this.#openAs(this.#isLegacy, key, context);
    } catch (thrown) {
      if (thrown instanceof AuthorizedNow && logIns < MAX_LOG_INS)
        return this.#open(key, context, logIns + 1);
      // A server of the older protocol may end when it is asked what it speaks: it is not asked again.
      if (this.#isLegacy || this.#settings.target.kind !== "stdio" || !this.#diedWhenAsked(thrown))
        throw thrown;
      const connection = await this.#openAs(true, key, context);
      this.#isLegacy = true;
      return connection;
    }
  }

  #diedWhenAsked(thrown: unknown): boolean {
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    return this.#sdk.SdkError.isInstance(cause) && cause.code === this.#sdk.SdkErrorCode.EraNegotiationFailed;
  }

  async #openAs(isLegacy: boolean, key: string, context: ToolContext | null): Promise<McpConnection> {
    const connection = await McpConnection.make({
      sdk: this.#sdk,
      settings: this.#settings,
      context,
      delayMs: this.#delayMs(key),
      isLegacy,
      onTools: (from, log) => this.#compare(from.tools, log),
      onClose: (closed) => this.#closed(key, closed),
    });
    this.#all.add(connection);
    await connection.open();
    return connection;
  }

  #closed(key: string, connection: McpConnection): void {
    this.#all.delete(connection);
    const isOurs = this.#lines.get(key)?.connection === connection;
    const wasExpected = !isOurs && this.#lines.get(key)?.connection !== null;
    if (isOurs) this.#lines.delete(key);
    if (!wasExpected) this.#deaths.set(key, (this.#deaths.get(key) ?? 0) + 1);
  }

  #remove(connection: McpConnection): void {
    for (const [key, line] of this.#lines) if (line.connection === connection) this.#lines.delete(key);
  }

  /** Longer each time it died, up to a limit, and not the same for all. */
  #delayMs(key: string): number {
    const deaths = this.#deaths.get(key) ?? 0;
    if (deaths === 0 || this.#settings.target.kind === "http") return 0;
    const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (deaths - 1));
    const [chance = 0] = createHash("sha256").update(`${process.pid}:${key}:${deaths}`).digest();
    return Math.round(longest * (0.5 + chance / 512));
  }

  /** The agents keep what was defined; a difference is said once. */
  #compare(tools: readonly ServerTool[], log: Logger | null): void {
    const now = new Map(tools.map((tool) => [tool.name, toolDigest(tool)]));
    for (const [tool, digest] of this.#defined) {
      const found = now.get(tool);
      const news = `${tool}:${found ?? ""}`;
      if (found === digest || this.#reported.has(news)) continue;
      this.#reported.add(news);
      const what = found === undefined ? "is not listed any more" : "has changed its description or schema";
      (log ?? this.#settings.logger)?.warn(
        `The tool "${tool}" of the ${this.name} ${what}; agents keep what they were given.`,
        {
          defined: digest,
          ...(found === undefined ? {} : { found }),
        },
      );
    }
  }
}

const closeLine = async ({ connection, ready }: Line): Promise<void> => {
  const made = connection ?? (await ready.catch(() => null));
  await made?.close();
};
