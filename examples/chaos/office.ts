/** The office that pays claims: an API, pages, and an MCP server, on one port of this machine. Its ledger is what is judged by. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { DOLLARS, PERCENT } from "./claims.ts";

export type Refund = { readonly claim: number; readonly cents: number; readonly key: string };

/** What took effect, as the office itself wrote it down. */
export type Ledger = {
  readonly refunds: readonly Refund[];
  /** How often a claim's payout was confirmed by a form that was sent. */
  readonly confirmed: ReadonlyMap<number, number>;
  /** Claims that are closed, and the refund that they were closed with. */
  readonly closed: ReadonlyMap<number, string>;
};

export type Office = { readonly port: number; readonly ledger: Ledger; readonly close: () => Promise<void> };

export const refundsDocument = {
  openapi: "3.1.0",
  info: { title: "Refunds", version: "1" },
  paths: {
    "/refunds": {
      get: {
        operationId: "list_refunds",
        summary: "The refunds of a claim.",
        parameters: [{ name: "claim", in: "query", required: true, schema: { type: "integer" } }],
      },
      post: {
        operationId: "pay_refund",
        summary: "Pays a refund. The same key pays once.",
        parameters: [{ name: "Idempotency-Key", in: "header", schema: { type: "string" } }],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                required: ["claim", "cents"],
                properties: { claim: { type: "integer" }, cents: { type: "integer" } },
              },
            },
          },
        },
      },
    },
  },
};

type Asked = { readonly request: IncomingMessage; readonly url: URL; readonly body: string };
type Answer = {
  readonly status?: number;
  readonly type?: string;
  readonly body?: string;
  readonly location?: string;
};

const json = (value: unknown): Answer => ({ type: "application/json", body: JSON.stringify(value) });
const page = (title: string, body: string): Answer => ({
  type: "text/html",
  body: `<!doctype html><html lang="en"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`,
});

class Books {
  readonly refunds: Refund[] = [];
  readonly confirmed = new Map<number, number>();
  readonly closed = new Map<number, string>();

  pay({ request, body }: Asked): Answer {
    const { claim, cents } = JSON.parse(body) as { readonly claim: number; readonly cents: number };
    const key = String(request.headers["idempotency-key"]);
    if (!this.refunds.some((refund) => refund.key === key)) this.refunds.push({ claim, cents, key });
    return json(this.#told(this.refunds.findIndex((refund) => refund.key === key)));
  }

  list({ url }: Asked): Answer {
    const claim = Number(url.searchParams.get("claim"));
    const indexes = this.refunds.flatMap((refund, index) => (refund.claim === claim ? [index] : []));
    return json({ refunds: indexes.map((index) => this.#told(index)) });
  }

  show({ url }: Asked): Answer {
    const claim = Number(url.pathname.split("/")[2]);
    const done = `<p>The payout of claim ${claim} is confirmed.</p>`;
    const form = `<form method="post" action="/claims/${claim}/confirm"><button>Confirm the payout</button></form>`;
    return page(`Claim ${claim}`, this.confirmed.has(claim) ? done : form);
  }

  confirm({ url }: Asked): Answer {
    const claim = Number(url.pathname.split("/")[2]);
    this.confirmed.set(claim, (this.confirmed.get(claim) ?? 0) + 1);
    return { status: 303, location: `/claims/${claim}` };
  }

  #told(index: number): object {
    return { id: `refund-${index + 1}`, ...this.refunds[index], key: undefined };
  }
}

const makeDesk = (books: Books) => (): McpServer => {
  const server = new McpServer({ name: "desk", version: "1.0.0" });
  server.registerTool(
    "close_claim",
    {
      description: "Closes a claim that was paid.",
      inputSchema: z.object({ claim: z.number(), refund: z.string() }),
      annotations: { idempotentHint: true },
    },
    ({ claim, refund }) => {
      books.closed.set(claim, refund);
      return { content: [{ type: "text", text: `Claim ${claim} is closed with ${refund}.` }] };
    },
  );
  return server;
};

const route = (books: Books, asked: Asked): Answer => {
  const what = `${asked.request.method} ${asked.url.pathname.replace(/\d+/, "N")}`;
  switch (what) {
    case "GET /policy":
      return page("What we pay", `<p>We pay back ${PERCENT} percent of the price, in dollars.</p>`);
    case "GET /rates":
      return json({ EUR: DOLLARS });
    case "GET /refunds":
      return books.list(asked);
    case "POST /refunds":
      return books.pay(asked);
    case "GET /claims/N":
      return books.show(asked);
    case "POST /claims/N/confirm":
      return books.confirm(asked);
    default:
      return { status: 404 };
  }
};

/** Opens the office on a free port. */
export const openOffice = async (): Promise<Office> => {
  const books = new Books();
  const handler = createMcpHandler(makeDesk(books));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? "/", "http://office.test");
    if (url.pathname === "/mcp") return answerDesk(handler, { request, url, body }, response);
    const { status = 200, type, location, body: said } = route(books, { request, url, body });
    response
      .writeHead(status, { ...(type && { "content-type": type }), ...(location && { location }) })
      .end(said);
  };
  const server = createServer((request, response) => {
    response.on("error", () => undefined);
    // Who went away in the middle of a request gets no answer.
    answer(request, response).catch(() => response.destroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, ledger: books, close };
};

const answerDesk = async (
  handler: ReturnType<typeof createMcpHandler>,
  { request, url, body }: Asked,
  response: ServerResponse,
): Promise<void> => {
  const answered = await handler.fetch(
    new Request(url, {
      method: request.method ?? "POST",
      headers: request.headers as Record<string, string>,
      ...(body === "" ? {} : { body }),
    }),
  );
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  for await (const chunk of answered.body ?? []) response.write(chunk);
  response.end();
};
