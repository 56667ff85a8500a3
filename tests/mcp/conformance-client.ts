/** The client that the conformance suite of the protocol runs: one scenario, at the address it is given. It is made of mcpTools alone. */
import {
  ClientCredentialsProvider,
  CrossAppAccessProvider,
  requestJwtAuthorizationGrant,
  PrivateKeyJwtProvider,
  type OAuthClientInformationMixed,
  type OAuthClientProvider,
  type OAuthTokens,
} from "@modelcontextprotocol/client";
import { mcpTools, type McpOptions, type McpTool } from "holdfast/tools";
import { contextIn } from "./context.ts";

const scenario = process.env["MCP_CONFORMANCE_SCENARIO"] ?? "";
const url = process.argv.at(-1) ?? "";
const told = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}") as Record<string, string>;

/** Logs in by following the redirect, as a browser would. */
class Provider implements OAuthClientProvider {
  readonly redirectUrl = "http://localhost:3000/callback";
  readonly clientMetadataUrl = "https://conformance-test.local/client-metadata.json";
  readonly clientMetadata = {
    client_name: "holdfast-conformance",
    redirect_uris: [this.redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  };
  #client: OAuthClientInformationMixed | undefined =
    told["client_id"] === undefined
      ? undefined
      : { client_id: told["client_id"], client_secret: told["client_secret"] };
  #tokens: OAuthTokens | undefined;
  #verifier = "";
  #answer = new URLSearchParams();

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#client;
  }

  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client;
  }

  tokens(): OAuthTokens | undefined {
    return this.#tokens;
  }

  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
  }

  async redirectToAuthorization(to: URL): Promise<void> {
    const response = await fetch(to, { redirect: "manual" });
    this.#answer = new URL(response.headers.get("location") ?? "about:blank").searchParams;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  answer(): URLSearchParams {
    return this.#answer;
  }
}

const loggingIn = () => {
  const provider = new Provider();
  return { auth: provider, authorizationCode: async () => provider.answer() };
};

const authFor = (): {
  readonly auth?: OAuthClientProvider;
  readonly authorizationCode?: () => Promise<URLSearchParams>;
} => {
  if (!scenario.startsWith("auth/")) return {};
  const { client_id: clientId = "", client_secret: clientSecret = "" } = told;
  if (scenario === "auth/client-credentials-basic")
    return { auth: new ClientCredentialsProvider({ clientId, clientSecret }) };
  if (scenario === "auth/client-credentials-jwt") {
    const { private_key_pem: privateKey = "", signing_algorithm: algorithm = "ES256" } = told;
    return { auth: new PrivateKeyJwtProvider({ clientId, privateKey, algorithm }) };
  }
  if (scenario === "auth/cross-app-access-complete-flow") return { auth: crossApp() };
  return loggingIn();
};

const crossApp = (): OAuthClientProvider =>
  new CrossAppAccessProvider({
    clientId: told["client_id"] ?? "",
    clientSecret: told["client_secret"] ?? "",
    assertion: async ({ authorizationServerUrl, resourceUrl, fetchFn }) => {
      const granted = await requestJwtAuthorizationGrant({
        tokenEndpoint: told["idp_token_endpoint"] ?? "",
        audience: String(authorizationServerUrl),
        resource: String(resourceUrl),
        idToken: told["idp_id_token"] ?? "",
        clientId: told["idp_client_id"] ?? "",
        fetchFn,
      });
      return granted.jwtAuthGrant;
    },
  });

const options: McpOptions = {
  name: "conformance",
  // Whoever asks is given what the form has for a default.
  elicitation: () => ({ action: "accept", content: {} }),
  logger: { debug: console.error, info: console.error, warn: console.error, error: console.error },
};

const context = contextIn(import.meta.dirname);

const ARGUMENTS: Readonly<Record<string, unknown>> = { add_numbers: { a: 5, b: 3 } };

const callEach = async (tools: readonly McpTool[]): Promise<void> => {
  for (const tool of tools)
    console.log(tool.name, await tool.toOutput(await tool.execute(ARGUMENTS[tool.mcp.name] ?? {}, context)));
};

/** The suite's server of the oldest protocol says that it is somebody else. */
const older = scenario.startsWith("auth/2025-03-26") ? { allowIssuerMismatch: true } : {};

const tools = await mcpTools({ url, ...authFor(), ...older }, options);
try {
  await callEach(tools);
} finally {
  await tools[0]?.resource?.close();
}
