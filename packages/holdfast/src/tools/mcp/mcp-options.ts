import type { OAuthClientProvider } from "@modelcontextprotocol/client";
import { ConfigurationError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import { checkOptions, positiveInteger } from "../../definitions/known-options.ts";
import type { SessionContext } from "../../ports/session-context.ts";
import type { Logger, ToolContext } from "../../ports/tool.ts";

/** Whose connection it is, for what has to be said of them to the server; null while tools are being defined, and for a shared one. */
export type McpCaller = {
  readonly session: SessionContext;
  /** A secret by name, as in a tool. */
  readonly secret: (name: string) => string;
} | null;

type Texts = Readonly<Record<string, string>>;

/** Either the texts, or what makes them for a caller. */
export type PerCaller = Texts | ((caller: McpCaller) => Texts | Promise<Texts>);

/** A server that is started as a process of its own and spoken to over its standard streams. */
export type McpStdioServer = {
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to the few variables that every server gets (PATH, HOME, LANG, …); nothing else of this process's is passed on. */
  readonly env?: PerCaller;
  /** Where it is started; this process's own directory by default. */
  readonly cwd?: string;
};

/** A server that is reached by streamable HTTP. */
export type McpHttpServer = {
  readonly url: string | URL;
  /** Sent with every request. */
  readonly headers?: PerCaller;
  /** OAuth, as the SDK has it: keeps tokens, and says where somebody has to log in. */
  readonly auth?: OAuthClientProvider;
  /** Waits for the code that comes back, where `auth` has sent somebody to log in. */
  readonly authorizationCode?: () => Promise<string | URLSearchParams>;
  /** True: metadata of the authorization server may name another issuer than the one it was asked of. Weaker; for old servers only. */
  readonly allowIssuerMismatch?: boolean;
};

/** What a server wants to know from a person while it works on a call. */
export type McpQuestion = {
  readonly tool: string;
  readonly message: string;
  /** JSON Schema of the form to be filled in. */
  readonly requestedSchema: JsonObject;
};

/** What came of a question. */
export type McpAnswer = {
  readonly action: "accept" | "decline" | "cancel";
  readonly content?: { readonly [field: string]: JsonValue };
};

/** `suspend`: the call waits for a signal, holding nothing. `decline`: no question is answered. Or what answers at once. */
export type McpElicitation =
  | "suspend"
  | "decline"
  | ((question: McpQuestion, context: ToolContext) => McpAnswer | Promise<McpAnswer>);

/** Everything else there is to say of a server. */
export type McpOptions = {
  /** What its tools are prefixed with: 1 to 32 letters, digits, `_` or `-`. */
  readonly name: string;
  /** True: what the server says of its tools (`readOnlyHint`, `idempotentHint`) is believed. False by default: all are `write`. */
  readonly trusted?: boolean;
  /** The server's names of the only tools to take. */
  readonly include?: readonly string[];
  /** The server's names of tools to leave out. */
  readonly exclude?: readonly string[];
  /** The effect of tools by the server's names of them; stronger than what the server says. */
  readonly effect?: { readonly [tool: string]: ToolEffect };
  /** Whose one connection is: a session's own (default), or everybody's. */
  readonly sharing?: "session" | "shared";
  /** Digests (`mcp.digest`) of tools by the server's names: one that differs is refused. */
  readonly pin?: { readonly [tool: string]: string };
  /** Longest time one attempt at a call may take; 30 s by default. */
  readonly timeoutMs?: number;
  /** Longest time from start to first answer; 30 s by default. */
  readonly startTimeoutMs?: number;
  /** Longest message taken from the server; 16 MiB by default. */
  readonly maxMessageBytes?: number;
  /** Longest result shown to the model, in characters. */
  readonly maxOutputChars?: number;
  /** What is done when the server asks something in the middle of a call; `suspend` by default. */
  readonly elicitation?: McpElicitation;
  /** True: two tools more, to list and to read the server's resources. */
  readonly resources?: boolean;
  /** True: two tools more, to list and to get the server's prompts. */
  readonly prompts?: boolean;
  /** Where diagnostics go that belong to no call. */
  readonly logger?: Logger;
};

type Target =
  | (McpStdioServer & { readonly kind: "stdio" })
  | (McpHttpServer & { readonly kind: "http"; readonly url: URL });

/** Options, resolved. */
export type McpSettings = {
  readonly name: string;
  readonly target: Target;
  readonly isTrusted: boolean;
  readonly include: ReadonlySet<string> | null;
  readonly exclude: ReadonlySet<string>;
  readonly effects: ReadonlyMap<string, ToolEffect>;
  readonly pins: ReadonlyMap<string, string>;
  readonly isShared: boolean;
  readonly timeoutMs: number | undefined;
  readonly maxOutputChars: number | undefined;
  readonly startTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly elicitation: McpElicitation;
  readonly hasResourceTools: boolean;
  readonly hasPromptTools: boolean;
  readonly logger: Logger | null;
};

const KNOWN = [
  "name",
  "trusted",
  "include",
  "exclude",
  "effect",
  "sharing",
  "pin",
  "timeoutMs",
  "startTimeoutMs",
  "maxMessageBytes",
  "maxOutputChars",
  "elicitation",
  "resources",
  "prompts",
  "logger",
];
const NAME = /^[a-zA-Z0-9_-]{1,32}$/;
const DEFAULT_START_MS = 30_000;
const DEFAULT_MESSAGE_BYTES = 16 * 1024 * 1024;

/** @throws ConfigurationError when they cannot be used. */
export const resolveMcpOptions = (
  server: McpStdioServer | McpHttpServer,
  options: McpOptions,
): McpSettings => {
  const { name } = options;
  if (typeof name !== "string" || !NAME.test(name))
    throw new ConfigurationError("DEFINITION_INVALID", `mcpTools: "${String(name)}" cannot be a name.`, {
      hint: "Use 1 to 32 letters, digits, _ or -: the server's tools are prefixed with it.",
    });
  const owner = `mcpTools "${name}"`;
  checkOptions(options, { owner, known: KNOWN, later: ["sampling", "needsApproval"] });
  const isShared =
    oneOf(owner, { name: "sharing", value: options.sharing ?? "session", of: ["session", "shared"] }) ===
    "shared";
  return {
    name,
    target: resolveTarget(server, owner, isShared),
    isTrusted: options.trusted === true,
    include: options.include === undefined ? null : new Set(options.include),
    exclude: new Set(options.exclude),
    effects: effectsOf(options, owner),
    pins: new Map(Object.entries(options.pin ?? {})),
    isShared,
    timeoutMs: options.timeoutMs,
    maxOutputChars: options.maxOutputChars,
    startTimeoutMs: positiveInteger(owner, "startTimeoutMs", options.startTimeoutMs ?? DEFAULT_START_MS),
    maxMessageBytes: positiveInteger(
      owner,
      "maxMessageBytes",
      options.maxMessageBytes ?? DEFAULT_MESSAGE_BYTES,
    ),
    elicitation: checkElicitation(owner, options.elicitation ?? "suspend"),
    hasResourceTools: options.resources === true,
    hasPromptTools: options.prompts === true,
    logger: options.logger ?? null,
  };
};

const oneOf = (
  owner: string,
  { name, value, of }: { readonly name: string; readonly value: string; readonly of: readonly string[] },
): string => {
  if (of.includes(value)) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${owner}: "${name}" must be ${of.join(" or ")}, not ${String(value)}.`,
  );
};

const effectsOf = ({ effect = {} }: McpOptions, owner: string): ReadonlyMap<string, ToolEffect> => {
  for (const [tool, value] of Object.entries(effect))
    oneOf(owner, { name: `effect.${tool}`, value, of: ["read", "idempotent", "write"] });
  return new Map(Object.entries(effect));
};

const checkElicitation = (owner: string, value: McpElicitation): McpElicitation => {
  if (typeof value !== "function") oneOf(owner, { name: "elicitation", value, of: ["suspend", "decline"] });
  return value;
};

const resolveTarget = (server: McpStdioServer | McpHttpServer, owner: string, isShared: boolean): Target => {
  if ("command" in server) {
    checkOptions(server, { owner, known: ["command", "args", "env", "cwd"], later: [] });
    if (process.platform === "win32")
      throw new ConfigurationError(
        "OPTION_NOT_AVAILABLE",
        `${owner}: servers are not started as processes on Windows.`,
        {
          hint: "Start the server by other means, and give its url.",
        },
      );
    if (typeof server.command !== "string" || server.command === "") throw noServer(owner);
    return { kind: "stdio", ...server };
  }
  if (typeof server !== "object" || server === null || !("url" in server)) throw noServer(owner);
  checkOptions(server, {
    owner,
    known: ["url", "headers", "auth", "authorizationCode", "allowIssuerMismatch"],
    later: [],
  });
  const url = URL.parse(String(server.url));
  if (url === null || !/^https?:$/.test(url.protocol)) throw noServer(owner);
  if (isShared && typeof server.headers === "function" && server.headers.length > 0)
    throw new ConfigurationError(
      "OPTION_INVALID",
      `${owner}: "headers" cannot depend on the caller of a shared connection.`,
      {
        hint: 'Use sharing: "session", so that nobody\'s credentials are used for somebody else.',
      },
    );
  return { kind: "http", ...server, url };
};

const noServer = (owner: string): ConfigurationError =>
  new ConfigurationError(
    "DEFINITION_INVALID",
    `${owner}: give { command, args } or { url } of an MCP server.`,
  );
