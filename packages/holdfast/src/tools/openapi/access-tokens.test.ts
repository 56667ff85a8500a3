import { expect, test } from "vitest";
import { toldByError } from "../../core/errors.ts";
import { toFailure } from "../../core/failure.ts";
import { AccessTokens } from "./access-tokens.ts";
import { contextWith, json, startApi } from "./api-server.fixture.ts";

const tokenFrom = (url: string) =>
  new AccessTokens(null).token({
    scheme: "oauth",
    credentials: { clientId: "c", clientSecret: "s3cret" },
    tokenUrl: url,
    scopes: [],
    context: contextWith(),
  });

test("a token may be as long as 64 KiB with all that is said of it", async () => {
  const long = "x".repeat(60_000);
  const { url } = await startApi((_, response) => json(response, { access_token: long }));
  expect(await tokenFrom(url)).toBe(long);
});

test("an answer that is longer than that is not read to its end, and gives no token", async () => {
  const { url } = await startApi((_, response) => {
    // Never ended: whoever waits for the end waits for ever.
    response.writeHead(200, { "content-type": "application/json" });
    response.write(`{"access_token":"t","rest":"${"x".repeat(64 * 1024)}"}`);
  });
  const thrown: unknown = await tokenFrom(url).catch((error: unknown) => error);
  expect(toldByError(thrown).executed).toBe(false);
  expect(toFailure(thrown)).toMatchObject({
    code: "TOOL_FAILED",
    message: "No access token was given: the server answered 200 with more than 65536 bytes.",
    retryable: false,
    hint: expect.stringContaining("token endpoint"),
  });
});
