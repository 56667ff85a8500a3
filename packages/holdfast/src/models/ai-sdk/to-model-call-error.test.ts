import { APICallError, LoadAPIKeyError } from "@ai-sdk/provider";
import { describe, expect, it } from "vitest";
import type { ModelCallError } from "../../core/errors.ts";
import { isContextOverflow } from "./context-overflow.ts";
import { redactMessage } from "./redact-message.ts";
import { readRetryAfter } from "./retry-after.ts";
import { toModelCallError } from "./to-model-call-error.ts";

const CALL = { provider: "test.chat", modelId: "m", isStreaming: false, secrets: [] };

const ofStatus = (statusCode: number, body: object): ModelCallError =>
  toModelCallError(
    new APICallError({
      message: "Bad",
      url: "https://example.com/?key=AIzaSyA-very-secret-key",
      requestBodyValues: { prompt: "the whole prompt" },
      statusCode,
      responseBody: JSON.stringify(body),
    }),
    CALL,
  );

describe("a provider's failure", () => {
  it("names the environment variable of a missing key", () => {
    const message =
      "OpenAI API key is missing. Pass it using the 'apiKey' parameter or the OPENAI_API_KEY environment variable.";
    const error = toModelCallError(new LoadAPIKeyError({ message }), CALL);
    expect(error.code).toBe("MODEL_NOT_CONFIGURED");
    expect(error.hint).toContain("OPENAI_API_KEY");
    expect(error.failure.retryable).toBe(false);
  });

  it("keeps neither the prompt nor the address (O2)", () => {
    const error = ofStatus(400, { error: { message: "no: Bearer abc.def-123456" } });
    const shown = `${error.message} ${JSON.stringify(error.failure)} ${String(error.cause)}`;
    expect(error.message).toContain("no: [redacted]");
    for (const secret of ["whole prompt", "AIza", "abc.def"]) expect(shown).not.toContain(secret);
  });

  it("is a refusal where the provider's policy speaks", () => {
    expect(ofStatus(400, { error: { code: "content_filter", message: "filtered" } }).code).toBe(
      "MODEL_REFUSED",
    );
  });

  it.each([
    [402, {}, { code: "MODEL_RATE_LIMITED", retryable: false }],
    [413, {}, { code: "MODEL_CONTEXT_OVERFLOW", retryable: true }],
    [422, {}, { code: "MODEL_REQUEST_REJECTED", retryable: false }],
    [504, {}, { code: "MODEL_UNAVAILABLE", retryable: true }],
    [
      400,
      { message: "Your credit balance is too low to use the API." },
      { code: "MODEL_RATE_LIMITED", retryable: false },
    ],
    [
      429,
      { message: "too many tokens: maximum context length" },
      { code: "MODEL_RATE_LIMITED", retryable: true },
    ],
  ] as const)("with status %i is typed", (status, error, expected) => {
    expect(ofStatus(status, { error }).failure).toMatchObject(expected);
  });

  it("of the connection is unavailable before the stream and a cut within it (E9)", () => {
    const reset = Object.assign(new TypeError("terminated"), { cause: { code: "UND_ERR_SOCKET" } });
    expect(toModelCallError(reset, CALL).code).toBe("MODEL_UNAVAILABLE");
    expect(toModelCallError(reset, { ...CALL, isStreaming: true }).code).toBe("MODEL_STREAM_CUT");
  });

  it.each([undefined, null, "text", 7, { cause: null }, new Error("odd"), Object.create(null)])(
    "of any shape is typed: %s",
    (thrown: unknown) => {
      expect(toModelCallError(thrown, CALL).code).toBe("MODEL_REQUEST_REJECTED");
      expect(toModelCallError(thrown, { ...CALL, isStreaming: true }).code).toBe("MODEL_UNAVAILABLE");
    },
  );
});

describe("the wording of an overflow", () => {
  it.each([
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130042 tokens.",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "prompt is too long: 209353 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "The input token count (1293741) exceeds the maximum number of tokens allowed (1048576).",
    "Input is too long for requested model.",
    "This endpoint's maximum context length is 131072 tokens. However, you requested about 132463 tokens",
    "the request exceeds the available context size, try increasing it",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Please reduce the length of the messages or completion.",
    "context_length_exceeded",
  ])("is known: %s", (words) => {
    expect(isContextOverflow(words)).toBe(true);
  });

  it.each([
    "Invalid schema for function 'a'",
    "max_tokens is too large: 100000",
    "Rate limit reached on tokens per min",
  ])("is not seen in: %s", (words) => {
    expect(isContextOverflow(words)).toBe(false);
  });
});

describe("what a provider says", () => {
  it("loses everything that looks like a credential (O2)", () => {
    const said =
      'key sk-proj-abcdefghij1234, "api_key": "hunter2hunter2", ?key=abcdefg&x=1, AIzaSyD-abcdefghijk, tenant-42-token';
    const shown = redactMessage(said, ["tenant-42-token"]);
    for (const secret of ["abcdefghij1234", "hunter2", "=abcdefg", "AIza", "tenant-42"])
      expect(shown).not.toContain(secret);
  });

  it("is shortened", () => {
    expect(redactMessage("x".repeat(5_000), []).length).toBeLessThan(320);
  });
});

describe("the wait a provider asks for", () => {
  it.each([
    [{ "retry-after": "0.5" }, "", 500],
    [{}, '{"details":[{"retryDelay":"17.5s"}]}', 17_500],
    [{ "retry-after": "soon" }, "", undefined],
    [{ "retry-after": "-3" }, "", undefined],
    [{ "retry-after-ms": "0.5" }, "", 1],
    [{ "retry-after-ms": "soon", "retry-after": "2" }, "", 2_000],
    // Longer than anybody waits: there is no other attempt then.
    [{ "retry-after": "99999999" }, "", 99_999_999_000],
    [{ "retry-after": "Thu, 01 Jan 2026 00:00:00 GMT" }, "", undefined],
  ] as const)("is read from %o %s", (headers, body, waitMs) => {
    expect(readRetryAfter(headers, body)).toBe(waitMs);
  });
});
