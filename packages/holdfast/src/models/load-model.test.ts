import { mkdtempSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModelServer } from "../testing/wire/index.ts";
import { requestOf, user } from "./ai-sdk/fixtures/wire-models.ts";
import { loadModel } from "./load-model.ts";
import { nearestName } from "../core/nearest-name.ts";

const project = mkdtempSync(join(tmpdir(), "load-model-"));

const install = async (name: string, manifest: object, code: string): Promise<void> => {
  const at = join(project, "node_modules", "@ai-sdk", name);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, "package.json"), JSON.stringify({ name: `@ai-sdk/${name}`, ...manifest }));
  await writeFile(join(at, "entry.js"), code);
};

const MODEL = `(modelId) => ({ specificationVersion: "v4", provider: "PROVIDER", modelId, doStream() {}, doGenerate() {} })`;

beforeAll(async () => {
  const esm = { type: "module", exports: { ".": { types: "./no.d.ts", import: { default: "./entry.js" } } } };
  await install("ready", esm, `export const ready = Object.assign(() => {}, { languageModel: ${MODEL} });`);
  await install(
    "made",
    { type: "module", main: "entry.js" },
    `export const createMade = () => ({ languageModel: ${MODEL} });`,
  );
  await install("broken", esm, `import "a-package-that-is-not-there";`);
  await install("hollow", esm, `export const something = 1;`);
  await install("openai", esm, `export const openai = { languageModel: ${MODEL} };`);
});

afterAll(async () => await rm(project, { recursive: true }));

const failing = async (spec: string, env = {}): Promise<unknown> =>
  await loadModel(spec, { from: project, env }).then(
    () => "loaded",
    (error: unknown) => error,
  );

describe("a model named by a string", () => {
  it.each([
    ["openai/gpt-5", "openai.responses"],
    ["anthropic/claude-sonnet-4-5", "anthropic.messages"],
    ["google/gemini-2.5-pro", "google.generative-ai"],
  ])("is loaded from beside this package: %s", async (spec, provider) => {
    const model = await loadModel(spec, { from: tmpdir() });
    expect(model).toMatchObject({ provider, modelId: spec.split("/")[1] });
  });

  it.each(["ready", "made"])("is loaded from the project's own packages: %s", async (name) => {
    const model = await loadModel(`${name}/vendor/some-model:free`, { from: project });
    expect(model).toMatchObject({ provider: "PROVIDER", modelId: "vendor/some-model:free" });
  });

  it("prefers the project's own copy of a package", async () => {
    expect((await loadModel("openai/gpt-5", { from: project })).provider).toBe("PROVIDER");
  });

  it("reaches an OpenAI-compatible server at the address in the environment", async () => {
    await using server = await createModelServer({ script: [{ text: "hi" }], apiKey: "k" });
    const env = { OPENAI_COMPATIBLE_BASE_URL: `${server.url}/v1`, OPENAI_COMPATIBLE_API_KEY: "k" };
    const model = await loadModel("openai-compatible/meta/llama", { env });
    const output = { name: "answer", schema: { type: "object", properties: { city: { type: "string" } } } };
    const answer = await model.call(requestOf([user("Go")], { output }));
    expect(JSON.stringify(server.requests[0]?.body["response_format"])).toContain("city");
    expect(answer.usage).not.toBeNull();
    expect(server.requests[0]?.body["model"]).toBe("meta/llama");
  });

  it("needs an address for an OpenAI-compatible server", async () => {
    expect(await failing("openai-compatible/x")).toMatchObject({
      code: "MODEL_NOT_CONFIGURED",
      hint: expect.stringContaining("OPENAI_COMPATIBLE_BASE_URL") as string,
    });
  });

  it.each([
    ["mistral/large", "Run: npm i @ai-sdk/mistral"],
    ["antropic/claude", 'Did you mean "anthropic"?'],
    ["opnai/gpt-5", 'Did you mean "openai"?'],
    ["broken/x", "npm i @ai-sdk/broken"],
  ])("that cannot be loaded says what to do: %s", async (spec, hint) => {
    expect(await failing(spec)).toMatchObject({
      code: "MODEL_PACKAGE_MISSING",
      hint: expect.stringContaining(hint) as string,
    });
  });

  it("is refused by a package that has no models", async () => {
    expect(await failing("hollow/x")).toMatchObject({ code: "MODEL_NOT_CONFIGURED" });
  });

  it.each(["gpt-5", "", "/gpt-5", "openai/", "../../etc/passwd", "@scope/x"])(
    "is malformed: %s",
    async (spec) => {
      expect(await failing(spec)).toMatchObject({ code: "OPTION_INVALID" });
    },
  );
});

describe("the nearest name", () => {
  it("is none when nothing is near", () => {
    expect(nearestName("zzzzzz", ["openai", "google"])).toBeUndefined();
  });
});
