import type { ToolContext } from "../../ports/tool.ts";

/** What proves to an API who asks. */
export type Credential =
  /** An API key, a bearer token, or an access token of OAuth2 that you keep fresh yourself. */
  | string
  /** For a scheme of basic authentication. */
  | { readonly username: string; readonly password: string }
  /** For an OAuth2 scheme: an access token is fetched with these, kept, and renewed. */
  | ClientCredentials;

/** How a client of OAuth2 shows who it is. */
export type ClientCredentials = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where tokens are given; what the document says when absent. */
  readonly tokenUrl?: string;
  readonly scopes?: readonly string[];
  /** Further fields of the request for a token, such as `audience`. */
  readonly extra?: { readonly [name: string]: string };
  /** How the client shows its secret: `basic` (default), or `body`, as fields of the form. */
  readonly secretIn?: "basic" | "body";
};

/** Asked at every call, so that each session and user has credentials of its own (S1); null for none. */
export type CredentialResolver = (context: ToolContext) => Credential | null | Promise<Credential | null>;
