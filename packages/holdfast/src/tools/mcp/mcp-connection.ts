import { pathToFileURL } from "node:url";
import type {
  CallToolResult,
  Client,
  InputRequiredResult,
  StreamableHTTPClientTransport,
  Tool as ServerTool,
} from "@modelcontextprotocol/client";
import type { Logger, ToolContext } from "../../ports/tool.ts";
import { toMcpError } from "./call-error.ts";
import { makeHttpTransport, sayGoodbye, textsFor, type HttpSettings } from "./http-transport.ts";
import { listTools } from "./list-tools.ts";
import type { Sdk } from "./load-sdk.ts";
import { readForm } from "./form-request.ts";
import type { Continuation, McpCall } from "./mcp-call.ts";
import { McpError } from "./mcp-error.ts";
import type { McpAnswer, McpCaller, McpSettings } from "./mcp-options.ts";
import { StdioTransport } from "./stdio-transport.ts";

/** What a connection is made with. */
export type ConnectionParts = {
  readonly sdk: Sdk;
  readonly settings: McpSettings;
  /** The call for which it is made; null while tools are being defined. */
  readonly context: ToolContext | null;
  /** Milliseconds that a server that died lately is left alone. */
  readonly delayMs: number;
  /** Whether it is known that the server speaks the older protocol only. */
  readonly isLegacy: boolean;
  /** Told of the server's tools: at the start, and when the server says that they have changed. */
  readonly onTools: (connection: McpConnection, log: Logger | null) => void;
  readonly onClose: (connection: McpConnection) => void;
};

/** Node's timers hold no more; a call's own limit is its tool's. */
const NO_LIMIT_MS = 2 ** 31 - 1;

const CLIENT = { name: "holdfast", version: "0.1.0" };

type CallParams = Parameters<Client["callTool"]>[0] & Continuation;

type CallParts = {
  readonly call: McpCall;
  readonly definition: ServerTool;
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
};

type Wire =
  | { readonly kind: "stdio"; readonly transport: StdioTransport }
  | {
      readonly kind: "http";
      readonly transport: StreamableHTTPClientTransport;
      readonly settings: HttpSettings;
    };

/** One server spoken to: a process, or a session over HTTP. */
export class McpConnection {
  readonly #parts: ConnectionParts;
  readonly #client: Client;
  readonly #wire: Wire;
  readonly #calls = new Set<McpCall>();
  readonly #log: Logger | null;
  #status: "opening" | "open" | "closed" = "opening";
  #tools: readonly ServerTool[] = [];
  #closing: Promise<void> | null = null;

  private constructor(parts: ConnectionParts, wire: Wire) {
    this.#parts = parts;
    this.#wire = wire;
    this.#log = parts.context?.log ?? parts.settings.logger;
    this.#client = this.#makeClient();
  }

  /** Made, and not yet connected. */
  static async make(parts: ConnectionParts): Promise<McpConnection> {
    return new McpConnection(parts, await makeWire(parts));
  }

  get isOpen(): boolean {
    return this.#status === "open" && (this.#wire.kind === "http" || this.#wire.transport.isOpen);
  }

  get isLegacy(): boolean {
    return this.#client.getProtocolEra() === "legacy";
  }

  get serverCapabilities(): NonNullable<ReturnType<Client["getServerCapabilities"]>> {
    return this.#client.getServerCapabilities() ?? {};
  }

  /** The server's tools, as it listed them last on this connection. */
  get tools(): readonly ServerTool[] {
    return this.#tools;
  }

  /** The SDK's client, for what is no call of a tool. */
  get client(): Client {
    return this.#client;
  }

  /** @throws McpError with `executed: false`. */
  async open(): Promise<void> {
    try {
      await this.#connect();
      this.#client.onclose = () => this.#closed();
      this.#status = "open";
      await this.#list();
    } catch (thrown) {
      const why = await this.#logIn(thrown);
      await this.close();
      throw this.#notOpened(why);
    }
  }

  async #connect(): Promise<void> {
    const { settings, isLegacy, delayMs } = this.#parts;
    // A third of the time is for finding out which protocol it speaks; see the client's options.
    const timeout = Math.ceil((settings.startTimeoutMs * 2) / 3) + (isLegacy ? delayMs : 0);
    const prior = isLegacy ? { prior: { kind: "legacy" as const } } : {};
    await this.#client.connect(this.#wire.transport, { timeout, ...prior });
  }

  /** Where somebody has been sent to log in, waits for what comes back: then the same is to be done again, by a new connection. */
  async #logIn(thrown: unknown): Promise<unknown> {
    const { sdk, settings } = this.#parts;
    if (this.#wire.kind !== "http" || settings.target.kind !== "http") return thrown;
    const { authorizationCode } = settings.target;
    if (authorizationCode === undefined || !sdk.UnauthorizedError.isInstance(thrown)) return thrown;
    try {
      const given = await authorizationCode();
      await (typeof given === "string"
        ? this.#wire.transport.finishAuth(given)
        : this.#wire.transport.finishAuth(given));
      return new AuthorizedNow();
    } catch (failed) {
      return failed;
    }
  }

  #notOpened(thrown: unknown): unknown {
    if (thrown instanceof AuthorizedNow) return thrown;
    const { sdk, settings } = this.#parts;
    const { name } = settings;
    const hint = this.#wire.kind === "stdio" ? this.#wire.transport.lastWords : "";
    const why = toMcpError(thrown, { sdk, name, hint });
    return new McpError(why.message, {
      code: why.code,
      executed: false,
      retryable: why.failure.retryable,
      ...(why.hint === undefined ? {} : { hint: why.hint }),
      cause: why.cause ?? why,
    });
  }

  /** @throws McpError. */
  async callTool(
    params: CallParams,
    { call, definition, onProgress, signal }: CallParts,
  ): Promise<CallToolResult | InputRequiredResult> {
    this.#calls.add(call);
    try {
      return await this.#client.callTool(params, {
        signal,
        timeout: NO_LIMIT_MS,
        allowInputRequired: true,
        // Without its output schema: a result that does not fit it is shown as it is, and not taken for a call that was refused.
        toolDefinition: { ...definition, outputSchema: undefined },
        onprogress: ({ progress, total, message }) =>
          onProgress(
            [message, total === undefined ? `${progress}` : `${progress}/${total}`].filter(Boolean).join(" "),
          ),
      });
    } catch (thrown) {
      throw this.toError(await this.#logIn(thrown));
    } finally {
      this.#calls.delete(call);
    }
  }

  toError(thrown: unknown): McpError {
    const { sdk, settings } = this.#parts;
    const { name } = settings;
    if (this.#wire.kind === "http") return toMcpError(thrown, { sdk, name });
    const { fault, lastWords } = this.#wire.transport;
    if (fault === null) return toMcpError(thrown, { sdk, name, hint: lastWords });
    return new McpError(`The MCP server "${name}" was ended. ${fault}`, { hint: lastWords, cause: thrown });
  }

  /** Whether the server has forgotten the session, or wanted somebody to log in first, and so has not acted on the request. */
  hasForgotten(thrown: unknown): boolean {
    if (thrown instanceof AuthorizedNow) return true;
    if (this.#wire.kind !== "http" || this.#wire.transport.sessionId === undefined) return false;
    const cause = thrown instanceof McpError ? thrown.cause : thrown;
    return this.#parts.sdk.SdkHttpError.isInstance(cause) && (cause.status === 404 || cause.status === 400);
  }

  /** Never rejects; the same, however often it is asked for. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const wire = this.#wire;
    if (wire.kind === "http" && this.#status === "open" && wire.transport.sessionId !== undefined) {
      const { sessionId, protocolVersion } = wire.transport;
      await sayGoodbye(wire.settings, { sessionId, protocolVersion }).catch(() => undefined);
    }
    await this.#client.close().catch(() => undefined);
    await wire.transport.close().catch(() => undefined);
    this.#closed();
  }

  #closed(): void {
    if (this.#status === "closed") return;
    this.#status = "closed";
    this.#parts.onClose(this);
  }

  #makeClient(): Client {
    const { sdk, settings, delayMs } = this.#parts;
    const answers = settings.elicitation !== "decline";
    const client = new sdk.Client(CLIENT, {
      versionNegotiation: {
        mode: "auto",
        probe: { timeoutMs: Math.ceil(settings.startTimeoutMs / 3) + delayMs },
      },
      inputRequired: { autoFulfill: false },
      capabilities: {
        ...(answers ? { elicitation: { form: { applyDefaults: true } } } : {}),
        ...(settings.isShared ? {} : { roots: {} }),
      },
      listChanged: {
        tools: { onChanged: () => this.#relist(), autoRefresh: false },
      },
    });
    client.onerror = (error) =>
      this.#log?.debug(`MCP server "${settings.name}": ${error.message.slice(0, 1_000)}`);
    if (answers)
      client.setRequestHandler("elicitation/create", async ({ params }) => toResult(await this.#ask(params)));
    if (!settings.isShared)
      client.setRequestHandler("roots/list", async () => ({ roots: [...(await this.roots())] }));
    return client;
  }

  async roots(): Promise<readonly { readonly uri: string; readonly name: string }[]> {
    const { context } = this.#parts;
    if (context === null || this.#parts.settings.isShared) return [];
    return [{ uri: pathToFileURL(await context.workspace.path()).href, name: "workspace" }];
  }

  /** The older protocol does not say of which call a question is: where there is but one, it is of that. */
  async #ask(params: unknown): Promise<McpAnswer> {
    const form = readForm(params);
    const [call, ...others] = this.#calls;
    if (form === null || call === undefined || others.length > 0 || this.#parts.settings.isShared)
      return { action: "decline" };
    return call.answer(form);
  }

  async #list(): Promise<void> {
    this.#tools = await listTools(this.#client, this.#parts.settings);
    this.#parts.onTools(this, this.#log);
  }

  #relist(): void {
    const { name } = this.#parts.settings;
    void this.#list().catch((thrown: unknown) =>
      this.#log?.warn(`The tools of the MCP server "${name}" have changed, and could not be listed.`, {
        failure: this.toError(thrown).failure,
      }),
    );
  }
}

/** Not an error to be shown: somebody has logged in, and the connection is to be made anew. */
export class AuthorizedNow extends McpError {
  constructor() {
    super("Somebody has logged in.", { executed: false });
  }
}

const toResult = ({ action, content }: McpAnswer) => ({
  action,
  ...(action === "accept"
    ? { content: { ...content } as Record<string, string | number | boolean | string[]> }
    : {}),
});

const makeWire = async ({ sdk, settings, context, delayMs }: ConnectionParts): Promise<Wire> => {
  const { name, target, maxMessageBytes, isShared } = settings;
  const caller: McpCaller =
    context === null || isShared ? null : { session: context.session, secret: context.secret };
  if (target.kind === "http") {
    const http = { name, target, caller, maxMessageBytes };
    return { kind: "http", transport: makeHttpTransport(sdk, http), settings: http };
  }
  const transport = new StdioTransport({
    name,
    command: target.command,
    args: target.args ?? [],
    env: await textsFor(target.env, caller),
    cwd: target.cwd,
    delayMs,
    maxMessageBytes,
    parse: sdk.parseJSONRPCMessage,
    log: context?.log ?? settings.logger,
  });
  return { kind: "stdio", transport };
};
