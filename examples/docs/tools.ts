import { tool } from "ai";
import { defineTool, fromAiSdkTool, ToolError } from "holdfast";
import { z } from "zod";

// #region not-executed
export const bookSeat = defineTool<{ readonly bookingUrl: string }>()({
  name: "book_seat",
  description: "Books one seat on a train.",
  inputSchema: z.object({ train: z.string() }),
  effect: "write",
  async execute({ train }, { deps, idempotencyKey, signal }) {
    const response = await fetch(`${deps.bookingUrl}/${train}`, {
      method: "POST",
      headers: { "idempotency-key": idempotencyKey },
      signal,
    });
    if (response.status === 429) {
      // Turned away at the door: nothing was booked, so it may be tried again.
      throw new ToolError("The booking office is busy.", { executed: false, retryAfterMs: 2_000 });
    }
    if (response.status === 409) {
      // Nothing was booked, and asking again would not change that: the model is told why.
      throw new ToolError("The train is full.", { executed: false, retryable: false });
    }
    // Anything else may have happened before or after the booking: the outcome is unknown.
    if (!response.ok) throw new ToolError(`The booking office answered ${response.status}.`);
    return (await response.json()) as { readonly seat: string };
  },
});
// #endregion not-executed

// #region circuit
export const stockLevel = defineTool<{ readonly warehouseUrl: string }>()({
  name: "stock_level",
  description: "How many of an article are in the warehouse.",
  inputSchema: z.object({ article: z.string() }),
  effect: "read",
  circuit: { name: "warehouse", minFailures: 5, openMs: 15_000 },
  async execute({ article }, { deps, signal }) {
    const response = await fetch(`${deps.warehouseUrl}/stock/${encodeURIComponent(article)}`, { signal });
    if (!response.ok) throw new ToolError(`The warehouse answers ${response.status}.`);
    return await response.json();
  },
});
// #endregion circuit

// #region busy
export const enrichLead = defineTool<{ readonly crmUrl: string }>()({
  name: "enrich_lead",
  description: "What the CRM knows of a company.",
  inputSchema: z.object({ company: z.string() }),
  effect: "read",
  limits: { name: "crm", maxConcurrent: 4, rate: { calls: 60, perMs: 60_000 }, per: "tenant" },
  fallback: { lastGoodMs: 3_600_000 },
  async execute({ company }, { deps, signal }) {
    const response = await fetch(`${deps.crmUrl}/companies/${encodeURIComponent(company)}`, { signal });
    if (!response.ok) throw new ToolError(`The CRM answers ${response.status}.`);
    return await response.json();
  },
});
// #endregion busy

// #region limits
export const searchLogs = defineTool()({
  name: "search_logs",
  description: "Finds lines of the service's log.",
  inputSchema: z.object({ text: z.string().min(3) }),
  outputSchema: z.object({ lines: z.array(z.string()) }),
  effect: "read",
  timeoutMs: 5_000,
  retry: { maxAttempts: 5, initialDelayMs: 100, maxDelayMs: 2_000 },
  maxOutputChars: 2_000,
  execute: ({ text }) => ({ lines: Array.from({ length: 500 }, (_, line) => `${line}: ${text}`) }),
  // What the model reads, in place of JSON.
  toModelOutput: ({ lines }) => lines.join("\n"),
});
// #endregion limits

export const drawChart = defineTool<{ readonly draw: (values: readonly number[]) => Uint8Array }>()({
  name: "draw_chart",
  description: "Draws a chart of some values.",
  inputSchema: z.object({ values: z.array(z.number()) }),
  effect: "read",
  execute: ({ values }, { deps }) => deps.draw(values),
  // #region picture
  toModelOutput: (png) => [
    { type: "text", text: `A chart of ${png.byteLength} bytes.` },
    { type: "image", data: png, mediaType: "image/png" },
  ],
  // #endregion picture
});

// #region context
export const renderInvoice = defineTool<{ readonly render: (token: string) => Promise<string> }>()({
  name: "render_invoice",
  description: "Renders the invoice of the session's customer into the workspace.",
  inputSchema: z.object({ month: z.string() }),
  effect: "idempotent",
  async execute({ month }, ctx) {
    ctx.progress(`rendering ${month}`);
    const invoice = await ctx.deps.render(ctx.secret("INVOICE_TOKEN"));
    await ctx.workspace.write(`invoices/${month}.txt`, invoice);
    ctx.log.info("Invoice rendered.", { month, user: ctx.session.user, attempt: ctx.attempt });
    return { file: `invoices/${month}.txt` };
  },
});
// #endregion context

// #region own-key
export const subscribe = defineTool<{
  readonly subscribe: (address: string, key: string) => Promise<void>;
}>()({
  name: "subscribe",
  description: "Puts an address on the mailing list.",
  inputSchema: z.object({ address: z.email() }),
  effect: "idempotent",
  // The list knows addresses, not calls.
  idempotencyKey: ({ address }) => address.toLowerCase(),
  async execute({ address }, { deps, idempotencyKey }) {
    await deps.subscribe(address, idempotencyKey);
    return "subscribed";
  },
});
// #endregion own-key

// #region json-schema
export const convert = defineTool()({
  name: "convert",
  description: "Converts kilometres to miles.",
  inputSchema: { type: "object", properties: { km: { type: "number" } }, required: ["km"] },
  effect: "read",
  execute: (input) => {
    const { km } = input as { readonly km: number };
    return { miles: km * 0.621371 };
  },
});
// #endregion json-schema

// #region ai-sdk
const weather = tool({
  description: "Says what the weather is.",
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => Promise.resolve(`It rains in ${city}.`),
});

export const getWeather = fromAiSdkTool(weather, { name: "get_weather", effect: "read" });
// #endregion ai-sdk
