import { createModelServer } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import { makePlace } from "./start.fixture.ts";

describe("npm start with a model behind an address", () => {
  it("asks that model, over HTTP, and shows its answer", async () => {
    await using server = await createModelServer({
      script: ({ toolResults }) =>
        toolResults.length === 0
          ? {
              toolCalls: [
                { name: "list_files", input: {} },
                { name: "no_such_tool", input: {} },
              ],
            }
          : { text: `There are ${toolResults.length} results.` },
    });
    await using place = await makePlace();
    const ended = await place.start([place.folder], {
      OPENAI_COMPATIBLE_BASE_URL: `${server.url}/v1`,
      HOLDFAST_MODEL: "openai-compatible/some-model",
    });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("openai-compatible/some-model (named by HOLDFAST_MODEL)");
    expect(ended.stdout).toContain("There are 2 results.");
    expect(ended.stdout).toContain("unknown: no price is known for this model");
    expect(server.requests.length).toBe(2);
  });

  it("says which package or address is missing", async () => {
    await using place = await makePlace();
    const unnamed = await place.start([place.folder], {
      OPENAI_COMPATIBLE_BASE_URL: "http://127.0.0.1:1/v1",
    });
    expect(unnamed).toMatchObject({ code: 2 });
    expect(unnamed.stderr).toContain("HOLDFAST_MODEL=openai-compatible/<model>");
    const unknown = await place.start([place.folder], { HOLDFAST_MODEL: "mistral/large" });
    expect(unknown.code).toBe(1);
    expect(unknown.stdout).toContain("The package @ai-sdk/mistral, which");
    expect(unknown.stdout).toContain("docs/errors/MODEL_PACKAGE_MISSING.md");
  });
});
