import { isHoldfastError, ToolError } from "../../core/errors.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { Credential, CredentialResolver } from "./credential.ts";
import type { SecurityAlternative } from "./operation.ts";
import type { SecurityScheme } from "./security-scheme.ts";

/** What is added to a request, and what nobody may read of it. */
export type Proof = {
  readonly headers: readonly (readonly [string, string])[];
  readonly query: readonly (readonly [string, string])[];
  readonly cookies: readonly (readonly [string, string])[];
  readonly secrets: readonly string[];
  /** Forgets tokens that were refused; null where there is none that could be renewed. */
  readonly renew: (() => void) | null;
};

export type Authority = {
  readonly schemes: ReadonlyMap<string, SecurityScheme>;
  readonly resolvers: ReadonlyMap<string, CredentialResolver>;
  readonly tokens: AccessTokens;
  readonly documentUrl: string | null;
};

const NOTHING: Proof = { headers: [], query: [], cookies: [], secrets: [], renew: null };

/** The names of the schemes that an operation is called with: the first alternative for which there are resolvers. */
export const schemesFor = (
  security: readonly SecurityAlternative[],
  { resolvers }: Pick<Authority, "resolvers">,
): SecurityAlternative | null =>
  security.find((needed) => needed.size > 0 && [...needed.keys()].every((name) => resolvers.has(name))) ??
  null;

/**
 * Asks for the credentials of a call.
 *
 * @throws ToolError, with `executed: false`, when one of them is not to be had.
 */
export const authorise = async (
  needed: SecurityAlternative | null,
  authority: Authority,
  context: ToolContext,
): Promise<Proof> => {
  const proofs: Proof[] = [];
  for (const [name, scopes] of needed ?? []) {
    const scheme = authority.schemes.get(name);
    const credential = await resolve(name, authority, context);
    if (scheme === undefined || credential === null) continue;
    proofs.push(await prove({ name, scheme, credential, scopes }, authority, context));
  }
  const renewals = proofs.flatMap(({ renew }) => (renew === null ? [] : [renew]));
  return {
    headers: proofs.flatMap(({ headers }) => headers),
    query: proofs.flatMap(({ query }) => query),
    cookies: proofs.flatMap(({ cookies }) => cookies),
    secrets: proofs.flatMap(({ secrets }) => secrets),
    renew: renewals.length === 0 ? null : () => renewals.forEach((renew) => renew()),
  };
};

const resolve = async (
  name: string,
  { resolvers }: Authority,
  context: ToolContext,
): Promise<Credential | null> => {
  try {
    return (await resolvers.get(name)?.(context)) ?? null;
  } catch (thrown) {
    // What a resolver says may have the credential in it.
    const why = isHoldfastError(thrown) ? ` (${thrown.code})` : "";
    throw new ToolError(`The credential for ${name} is not to be had${why}.`, {
      executed: false,
      retryable: false,
      hint: `Look at what "auth" says of ${name}.`,
    });
  }
};

type Claim = {
  readonly name: string;
  readonly scheme: SecurityScheme;
  readonly credential: Credential;
  readonly scopes: readonly string[];
};

const prove = async (claim: Claim, authority: Authority, context: ToolContext): Promise<Proof> => {
  const { name, scheme, credential } = claim;
  if (typeof credential === "string") return byText(scheme, credential);
  if ("username" in credential) {
    if (scheme.kind !== "basic") throw misfit(name, "a user name and a password");
    return basic(`${credential.username}:${credential.password}`, credential.password);
  }
  if (scheme.kind !== "oauth2") throw misfit(name, "the credentials of a client");
  const given = credential.tokenUrl ?? scheme.tokenUrl ?? "";
  const tokenUrl = URL.parse(given, authority.documentUrl ?? undefined)?.href;
  if (tokenUrl === undefined) throw misfit(name, "the credentials of a client, and nowhere a tokenUrl");
  const wanted = {
    scheme: name,
    credentials: credential,
    tokenUrl,
    scopes: credential.scopes ?? claim.scopes,
    context,
  };
  const token = await authority.tokens.token(wanted);
  return {
    ...NOTHING,
    headers: [["authorization", `Bearer ${token}`]],
    secrets: [token, credential.clientSecret],
    renew: () => authority.tokens.refused(wanted, token),
  };
};

const byText = (scheme: SecurityScheme, text: string): Proof => {
  if (scheme.kind === "basic") return basic(text, text.slice(text.indexOf(":") + 1));
  if (scheme.kind !== "api-key") {
    return { ...NOTHING, headers: [["authorization", `Bearer ${text}`]], secrets: [text] };
  }
  const pair = [scheme.name, text] as const;
  switch (scheme.place) {
    case "header":
      return { ...NOTHING, headers: [pair], secrets: [text] };
    case "query":
      return { ...NOTHING, query: [pair], secrets: [text] };
    case "cookie":
      return { ...NOTHING, cookies: [pair], secrets: [text] };
  }
};

const basic = (pair: string, password: string): Proof => {
  const encoded = Buffer.from(pair).toString("base64");
  return { ...NOTHING, headers: [["authorization", `Basic ${encoded}`]], secrets: [encoded, password] };
};

const misfit = (name: string, what: string): ToolError =>
  new ToolError(`The credential for ${name} does not fit its scheme.`, {
    executed: false,
    retryable: false,
    hint: `"auth" gives ${what} for it, which the document does not say it takes.`,
  });
