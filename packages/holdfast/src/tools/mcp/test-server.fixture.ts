/**
 * A server with a tool of every kind, for tests. As a program it speaks over its standard streams, in both versions of the
 * protocol, or in the older alone with `--legacy`.
 */
import { appendFileSync } from "node:fs";
import { acceptedContent, inputRequired, McpServer, type CallToolResult } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const text = (said: string): CallToolResult => ({ content: [{ type: "text", text: said }] });

/** One red dot. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/** Where it notes what it was asked, when it was given a file for that. */
const note = (what: string): void => {
  const file = process.env["NOTES"];
  if (file !== undefined) appendFileSync(file, `${what}\n`);
};

export const makeTestServer = (): McpServer => {
  const server = new McpServer(
    { name: "test", version: "1.0.0" },
    { capabilities: { tools: { listChanged: true }, resources: {}, prompts: {}, logging: {} } },
  );
  addPlainTools(server);
  addContentTools(server);
  addLongTools(server);
  addAskingTools(server);
  addResources(server);
  return server;
};

const addPlainTools = (server: McpServer): void => {
  server.registerTool(
    "add",
    {
      description: "Adds two numbers.",
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
      annotations: { readOnlyHint: true },
    },
    ({ a, b }) => ({ ...text(String(a + b)), structuredContent: { sum: a + b } }),
  );
  server.registerTool(
    "put",
    {
      description: "Puts a value.",
      inputSchema: z.object({ value: z.string() }),
      annotations: { idempotentHint: true },
    },
    ({ value }, context) => {
      note(`put ${value}`);
      // What came with the call goes back with the answer.
      return { ...text(`put ${value}`), _meta: { asked: context.mcpReq._meta ?? {} } };
    },
  );
  server.registerTool("refuse", { description: "Refuses." }, () => ({ ...text("not today"), isError: true }));
  server.registerTool("die", { description: "Dies.", annotations: { readOnlyHint: true } }, () => {
    note("die");
    process.exit(3);
  });
  server.registerTool(
    "pid",
    { description: "Says its process id.", annotations: { readOnlyHint: true } },
    () => text(String(process.pid)),
  );
  server.registerTool("env", { description: "Says its environment." }, () =>
    text(JSON.stringify(process.env)),
  );
  server.registerTool(
    "grow",
    { description: "Makes a tool more.", inputSchema: z.object({ name: z.string() }) },
    ({ name }) => {
      server.registerTool(name, { description: "New." }, () => text("new"));
      server.sendToolListChanged();
      return text("grown");
    },
  );
};

const addContentTools = (server: McpServer): void => {
  server.registerTool(
    "show",
    { description: "Shows a picture, and more.", annotations: { readOnlyHint: true } },
    () => ({
      content: [
        { type: "text", text: "a dot" },
        { type: "image", mimeType: "image/png", data: PNG },
        { type: "audio", mimeType: "audio/wav", data: "UklGRg==" },
        { type: "resource", resource: { uri: "note://1", mimeType: "text/plain", text: "remember" } },
        { type: "resource_link", uri: "note://2", name: "two" },
      ],
    }),
  );
  server.registerTool(
    "long",
    {
      description: "Says much.",
      inputSchema: z.object({ chars: z.number() }),
      annotations: { readOnlyHint: true },
    },
    ({ chars }) => text("x".repeat(chars)),
  );
};

const addLongTools = (server: McpServer): void => {
  server.registerTool("wait", { description: "Waits until it is told to stop." }, async (context) => {
    note("waiting");
    const { promise, resolve } = Promise.withResolvers<void>();
    context.mcpReq.signal.addEventListener("abort", () => {
      note("stopped");
      resolve();
    });
    await promise;
    return text("never");
  });
  server.registerTool(
    "count",
    { description: "Says how far it is.", annotations: { readOnlyHint: true } },
    async (context) => {
      const progressToken = context.mcpReq._meta?.progressToken;
      if (progressToken === undefined) return text("nobody listens");
      for (const progress of [1, 2, 3]) {
        const params = { progressToken, progress, total: 3, message: "counting" };
        await context.mcpReq.notify({ method: "notifications/progress", params });
      }
      return text("counted");
    },
  );
};

const CONFIRM = z.object({ size: z.string() });

const addAskingTools = (server: McpServer): void => {
  const ask = (annotations: { readonly readOnlyHint?: boolean }, name: string): void => {
    server.registerTool(name, { description: "Asks before it answers.", annotations }, async (context) => {
      note(name);
      if (context.mcpReq.envelope === undefined) {
        const asked = await context.mcpReq.elicitInput({
          message: "Which size?",
          requestedSchema: { type: "object", properties: { size: { type: "string", default: "M" } } },
        });
        return text(
          asked.action === "accept" ? `size ${String(asked.content?.["size"])}` : `no size: ${asked.action}`,
        );
      }
      const { inputResponses } = context.mcpReq;
      const accepted = acceptedContent(inputResponses, "size", CONFIRM);
      if (accepted !== undefined)
        return text(`size ${accepted.size}, ${String(context.mcpReq.requestState())}`);
      if (inputResponses !== undefined) return text("no size");
      return inputRequired({
        inputRequests: { size: inputRequired.elicit({ message: "Which size?", requestedSchema: CONFIRM }) },
        requestState: "half way",
      });
    });
  };
  ask({ readOnlyHint: true }, "ask");
  ask({}, "ask_and_write");
  server.registerTool(
    "roots",
    { description: "Says where it may work.", annotations: { readOnlyHint: true } },
    async (context) => {
      if (context.mcpReq.envelope === undefined) {
        const { roots } = await server.server.listRoots();
        return text(JSON.stringify(roots));
      }
      const told = context.mcpReq.inputResponses?.["roots"];
      if (told !== undefined) return text(JSON.stringify(told));
      return inputRequired({ inputRequests: { roots: inputRequired.listRoots() } });
    },
  );
};

const addResources = (server: McpServer): void => {
  server.registerResource("note", "note://1", { description: "A note.", mimeType: "text/plain" }, () => ({
    contents: [{ uri: "note://1", mimeType: "text/plain", text: "remember" }],
  }));
  server.registerPrompt(
    "greet",
    { description: "Greets.", argsSchema: z.object({ who: z.string() }) },
    ({ who }) => ({ messages: [{ role: "user", content: { type: "text", text: `Say hello to ${who}.` } }] }),
  );
};

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes("--legacy")) await makeTestServer().connect(new StdioServerTransport());
  else serveStdio(makeTestServer);
}
