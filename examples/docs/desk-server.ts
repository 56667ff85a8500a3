/** An MCP server of a help desk, as somebody else may have written it: over its standard streams, or over HTTP by the same maker. */
import { acceptedContent, inputRequired, McpServer, type CallToolResult } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const text = (said: string): CallToolResult => ({ content: [{ type: "text", text: said }] });

const REASON = z.object({ reason: z.string() });

export const makeDesk = (): McpServer => {
  const server = new McpServer({ name: "desk", version: "1.0.0" });
  server.registerTool(
    "find_ticket",
    {
      description: "Finds a ticket by its number.",
      inputSchema: z.object({ number: z.number() }),
      annotations: { readOnlyHint: true },
    },
    ({ number }) => text(`Ticket ${number}: the printer is on fire.`),
  );
  server.registerTool(
    "close_ticket",
    { description: "Closes a ticket.", inputSchema: z.object({ number: z.number() }) },
    ({ number }, context) => {
      const given = acceptedContent(context.mcpReq.inputResponses, "why", REASON);
      if (given !== undefined) return text(`Ticket ${number} is closed: ${given.reason}.`);
      const why = inputRequired.elicit({ message: "Why is it closed?", requestedSchema: REASON });
      return inputRequired({ inputRequests: { why } });
    },
  );
  return server;
};

if (process.argv[1] === import.meta.filename) serveStdio(makeDesk);
