/** The fetching agents of the documents, against a real server and what must not be reached. */
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, type AgentDefinition } from "holdfast";
import { describe, expect, onTestFinished, test } from "vitest";
import { callThenTell } from "./harness.ts";
import { defineReader, defineWikiReader } from "./tools-fetch.ts";

/** A wiki on this machine, with one page and one picture. */
const startWiki = async () => {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? "");
    if (request.url === "/logo.png")
      response.setHeader("content-type", "image/png").end(Buffer.from([137, 80, 78, 71]));
    else
      response
        .setHeader("content-type", "text/html")
        .end("<title>Leave</title><h1>Leave</h1><p>Thirty days.</p>");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { hits, port, wiki: `wiki.internal.example:${port}`, lookup: async () => ["127.0.0.1"] };
};

const answerOf = async (agent: AgentDefinition) => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const runtime = await createRuntime({ agents: [agent], dataDir });
  onTestFinished(() => runtime.close());
  const session = await runtime.createSession(agent);
  const outcome = await (await session.send("go")).outcome();
  return { text: "text" in outcome ? String(outcome.text) : outcome.status, dataDir };
};

describe("docs/tools-fetch.md", () => {
  test("an agent does not reach what is inside, whatever its model asks for", async () => {
    const { port, hits } = await startWiki();
    for (const url of [`http://127.0.0.1:${port}/`, `http://localhost/`, "http://169.254.169.254/latest/"]) {
      const { text } = await answerOf(defineReader(callThenTell("fetch_url", { url })));
      expect(text).toMatch(/TOOL_FAILED: (?:Port \d+ is not fetched here|.+ is not on the public internet)/);
    }
    expect(hits).toEqual([]);
  });

  test("it reaches what is allowed, as text, and saves what is none", async () => {
    const { wiki, lookup } = await startWiki();
    const ask = (url: string) =>
      answerOf(defineWikiReader(callThenTell("fetch_wiki", { url }), { wiki, lookup }));
    expect((await ask(`http://${wiki}/leave`)).text).toContain(
      "Title: Leave\\nLength: 53 bytes as sent\\n\\n# Leave\\n\\nThirty days.",
    );
    expect((await ask("https://example.com/")).text).toContain(
      "is not among the hosts that may be fetched here",
    );
    expect((await ask("https://private.example.org/")).text).toContain("is not to be fetched here");
    const { text, dataDir } = await ask(`http://${wiki}/logo.png`);
    const [file = ""] = /downloads\/[\w.-]+\.png/.exec(text) ?? [];
    const [session = ""] = await readdir(join(dataDir, "workspaces"));
    expect([...(await readFile(join(dataDir, "workspaces", session, file)))]).toEqual([137, 80, 78, 71]);
  });
});
