import { defineAgent, defineTool, type AgentDefinition, type DefinedTool, type ModelChoice } from "holdfast";
import { openapiTools } from "holdfast/tools";

/** An agent that works in a shop by the shop's own document. */
export const defineClerk = async (model: ModelChoice, documentUrl: string): Promise<AgentDefinition> => {
  // #region clerk
  const shop = await openapiTools(documentUrl, {
    include: ["listOrders", "tag:refunds"],
    auth: {
      // By the name of the security scheme; asked at every call, in its session.
      shopKey: ({ session, secret }) => secret(`shop-key-${session.tenant}`),
    },
    needsApproval: ({ method }) => method === "POST",
    staticArguments: { channel: "assistant" },
  });
  const clerk = defineAgent({ name: "clerk", model, instructions: "Help with orders.", tools: shop });
  // #endregion clerk
  return clerk;
};

/** Tools of a service that gives access tokens to clients. */
export const defineBilling = async (
  document: object,
  { baseUrl, tokenUrl }: { readonly baseUrl: string; readonly tokenUrl: string },
): Promise<readonly DefinedTool[]> => {
  // #region oauth
  const billing = await openapiTools(document, {
    baseUrl,
    auth: {
      oauth: ({ secret }) => ({ clientId: "assistant", clientSecret: secret("billing-client"), tokenUrl }),
    },
    idempotencyHeader: "Idempotency-Key",
    now: Date.now,
  });
  // #endregion oauth
  return billing;
};

// #region json
/** What could as well be a file: no line of TypeScript says what the tools are. */
export const weatherDocument = {
  openapi: "3.1.0",
  info: { title: "Weather", version: "1" },
  paths: {
    "/forecast/{city}": {
      get: {
        operationId: "forecast",
        summary: "The weather of the next days in a city.",
        parameters: [
          { name: "city", in: "path", required: true, schema: { type: "string" } },
          { name: "days", in: "query", schema: { type: "integer", minimum: 1, maximum: 10 } },
          { name: "units", in: "query", schema: { type: "string" } },
        ],
        "x-holdfast-static-arguments": { units: "metric" },
      },
    },
    "/alarms": {
      post: {
        operationId: "sound_alarm",
        summary: "Warns everybody in a city.",
        "x-holdfast-needs-approval": true,
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                required: ["city", "text"],
                properties: { city: { type: "string" }, text: { type: "string" } },
              },
            },
          },
        },
      },
    },
  },
};
// #endregion json

// #region function
export const addNumbers = defineTool()({
  name: "add_numbers",
  description: "Adds numbers.",
  inputSchema: {
    type: "object",
    properties: { numbers: { type: "array", items: { type: "number" } } },
    required: ["numbers"],
  },
  effect: "read",
  execute: (input) => {
    const { numbers } = input as { readonly numbers: readonly number[] };
    return numbers.reduce((sum, number) => sum + number, 0);
  },
});
// #endregion function
