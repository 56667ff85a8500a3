import { createHash } from "node:crypto";
import { ToolError } from "../../core/errors.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { ClientCredentials } from "./credential.ts";
import { readBytes } from "./read-bytes.ts";

type Kept = { readonly token: string; readonly expiresAt: number | null };

type Wanted = {
  readonly scheme: string;
  readonly credentials: ClientCredentials;
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly context: ToolContext;
};

const MAX_KEPT = 1_000;
/** A token that is about to end may end on its way. */
const EARLY_MS = 30_000;
/** A token and what is said of it; those with many claims have some thousands. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Access tokens of OAuth2 by client credentials, each kept for the tenant and user that it was got for (S1). */
export class AccessTokens {
  readonly #kept = new Map<string, Kept>();
  readonly #now: (() => number) | null;

  /** Without a clock a token is used until the API refuses it. */
  constructor(now: (() => number) | null) {
    this.#now = now;
  }

  /** @throws ToolError, with `executed: false`, when no token is to be had. */
  async token(wanted: Wanted): Promise<string> {
    const key = keyOf(wanted);
    const kept = this.#kept.get(key);
    if (kept !== undefined && !this.#isOver(kept)) return kept.token;
    const { token, lifeMs } = await fetchToken(wanted);
    const now = this.#now?.() ?? null;
    this.#keep(key, { token, expiresAt: now === null || lifeMs === null ? null : now + lifeMs });
    return token;
  }

  /** Forgets a token that was refused; another one that was got meanwhile stays. */
  refused(wanted: Wanted, token: string): void {
    const key = keyOf(wanted);
    if (this.#kept.get(key)?.token === token) this.#kept.delete(key);
  }

  #isOver({ expiresAt }: Kept): boolean {
    return this.#now !== null && expiresAt !== null && this.#now() > expiresAt - EARLY_MS;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > MAX_KEPT && oldest.done !== true) this.#kept.delete(oldest.value);
  }
}

const keyOf = ({ scheme, credentials, tokenUrl, scopes, context }: Wanted): string => {
  const { tenant, user } = context.session;
  const { clientId, clientSecret, extra = {} } = credentials;
  const parts = [scheme, tenant, user, tokenUrl, scopes, clientId, clientSecret, extra];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
};

const fetchToken = async (
  wanted: Wanted,
): Promise<{ readonly token: string; readonly lifeMs: number | null }> => {
  const { credentials, tokenUrl, scopes, context } = wanted;
  const { clientId, clientSecret, extra = {}, secretIn = "basic" } = credentials;
  const form = new URLSearchParams({ grant_type: "client_credentials", ...extra });
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  const headers = new Headers({ accept: "application/json" });
  if (secretIn === "body") {
    form.set("client_id", clientId);
    form.set("client_secret", clientSecret);
  } else {
    const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
    headers.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
  }
  const response = await post(tokenUrl, { headers, body: form, signal: context.signal });
  return readToken(response);
};

const post = async (tokenUrl: string, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(tokenUrl, { ...init, method: "POST", redirect: "manual" });
  } catch {
    throw new ToolError("The server that gives access tokens could not be reached.", { executed: false });
  }
};

const readToken = async (
  response: Response,
): Promise<{ readonly token: string; readonly lifeMs: number | null }> => {
  const { status } = response;
  const { bytes, isCut } = await readBytes(response, MAX_ANSWER_BYTES).catch(() => NOTHING);
  if (isCut) throw refusal(status, ` with more than ${MAX_ANSWER_BYTES} bytes`);
  const { access_token: token, expires_in: seconds, error } = fieldsOf(new TextDecoder().decode(bytes));
  if (response.ok && typeof token === "string" && token !== "") {
    const life = Number(seconds);
    return { token, lifeMs: Number.isFinite(life) && life > 0 ? life * 1_000 : null };
  }
  // Codes of RFC 6749 are words; whatever else is there may be anything.
  throw refusal(status, typeof error === "string" && /^[a-z_]{1,40}$/.test(error) ? ` (${error})` : "");
};

const NOTHING = { bytes: Buffer.alloc(0), isCut: false };

const refusal = (status: number, why: string): ToolError =>
  new ToolError(`No access token was given: the server answered ${status}${why}.`, {
    executed: false,
    retryable: status >= 500 || status === 429,
    hint: "Look at the client's id, secret and scopes, and at the address of the token endpoint.",
  });

const fieldsOf = (
  text: string,
): { readonly access_token?: unknown; readonly expires_in?: unknown; readonly error?: unknown } => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
};
