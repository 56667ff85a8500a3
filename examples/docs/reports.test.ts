/** The reports of the documents, against a real server. */
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { scriptedModel } from "holdfast/testing";
import { lookThrough, openReporting } from "./reports.ts";
import { defineSupport } from "./support.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe("docs/reports.md", () => {
  test("a run's end is told to the webhook, and what is gone for good is discarded", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const told: unknown[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const headers = request.headers as Record<string, string>;
        told.push(new Webhook(SECRET).verify(Buffer.concat(chunks).toString(), headers));
        response.writeHead(told.length === 1 ? 204 : 410).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const place = server.address();
    const url = `http://127.0.0.1:${typeof place === "object" ? place?.port : 0}`;
    const support = defineSupport(scriptedModel(({ lastUserText }) => ({ text: lastUserText })));
    // What it needs of `deps` is given here, beside what the example shows.
    const agents = [support as never];
    const runtime = await openReporting(agents, {
      dataDir,
      url,
      secret: SECRET,
      logger: QUIET,
      page: async () => {},
      show: () => {},
    });
    onTestFinished(() => runtime.close());
    for (const text of ["one", "two"]) {
      const session = await runtime.createSession("support");
      await (await session.send(text)).outcome();
    }
    await vi.waitFor(async () => expect((await runtime.deadLetters.list()).deadLetters).toHaveLength(1));
    expect(told).toMatchObject([
      { type: "run.completed", data: { agent: "support" } },
      { type: "run.completed" },
    ]);
    expect(await lookThrough(runtime)).toBe(1);
    expect((await runtime.deadLetters.list()).deadLetters).toEqual([]);
  });
});
