import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { documentOf, startApi } from "./api-server.fixture.ts";
import { loadDocument } from "./load-document.ts";

/** A server of a document that is so many bytes long, and comes packed to a thousandth of that. */
const serving = async (bytes: number): Promise<string> => {
  const document = `${JSON.stringify(documentOf({}))}\n`;
  const body = gzipSync(document + " ".repeat(bytes - document.length));
  const { url } = await startApi((_, response) =>
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(body),
  );
  return url;
};

test("a document that is fetched may have many megabytes", async () => {
  const { root } = await loadDocument(await serving(16 * 1024 * 1024));
  expect(root["openapi"]).toBe("3.0.3");
});

test("one of more than 64 MiB is refused, also where it comes packed", async () => {
  await expect(loadDocument(await serving(64 * 1024 * 1024 + 1))).rejects.toMatchObject({
    code: "DEFINITION_INVALID",
    message: expect.stringContaining("longer than 67108864 bytes"),
  });
});
