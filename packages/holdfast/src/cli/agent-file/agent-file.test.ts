import { describe, expect, it } from "vitest";
import { ECHO, UserFolder } from "../cli-process.fixture.ts";

/** A test in a folder of its own. */
const inFolder = (work: (folder: UserFolder) => Promise<void>) => async (): Promise<void> => {
  const folder = new UserFolder();
  try {
    await work(folder);
  } finally {
    folder.remove();
  }
};

/** What the command line says of an agent file: place, cause and advice, and no stack. */
const sayOf = async (folder: UserFolder, content: string): Promise<string> => {
  folder.write("agent.ts", content);
  const { code, stdout, stderr } = await folder.run("run", "agent.ts", "hi");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).not.toMatch(/^ +at /m);
  return stderr;
};

const lineOf = (content: string, needle: string): number =>
  content.split("\n").findIndex((line) => line.includes(needle)) + 1;

describe("a mistake in an agent file", () => {
  it(
    "in the syntax is shown with line and mark",
    inFolder(async (folder) => {
      const said = await sayOf(folder, "const list = {\n  a: 1\n  b: 2\n};\nexport const agent = list;\n");
      expect(said).toMatch(/agent\.ts:3: .*\[AGENT_FILE_INVALID\]\n {2}3 \| {3}b: 2\n {8}\^/);
    }),
  );

  it(
    "that Node tells no place of is found all the same",
    inFolder(async (folder) => {
      expect(await sayOf(folder, "const a: number = 1;\n\nconst a = 2;\nexport { a };\n")).toContain(
        "agent.ts:3: Identifier 'a'",
      );
    }),
  );

  it(
    "of TypeScript that Node cannot run is explained",
    inFolder(async (folder) => {
      expect(await sayOf(folder, "enum A { B }\nexport const agent = A;\n")).toContain(
        "no enum, no namespace",
      );
    }),
  );

  it(
    "is a package that is not installed",
    inFolder(async (folder) => {
      const said = await sayOf(folder, 'import { z } from "zodd";\nexport const agent = z;\n');
      expect(said).toContain('agent.ts:1: the package "zodd" cannot be found');
      expect(said).toContain("npm i zodd");
    }),
  );

  it(
    "is a file without its extension",
    inFolder(async (folder) => {
      folder.write("tools.ts", "export const tools = [];\n");
      const said = await sayOf(folder, '\nimport { tools } from "./tools";\nexport const agent = tools;\n');
      expect(said).toContain('agent.ts:2: the file "./tools" cannot be found');
      expect(said).toContain("There is tools.ts");
    }),
  );

  it(
    "in an imported file is shown there",
    inFolder(async (folder) => {
      folder.write("tools.ts", "export const tools: number[] = [];\n\nexport const more = missing.tools;\n");
      const said = await sayOf(folder, 'import { more } from "./tools.ts";\nexport const agent = more;\n');
      expect(said).toContain("tools.ts:3: ReferenceError: missing is not defined");
    }),
  );

  it(
    "is an option that does not exist: its line, and the nearest one",
    inFolder(async (folder) => {
      const content = ECHO.replace('name: "echo", instructions: "x"', 'name: "echo",\n  instruction: "x"');
      const said = await sayOf(folder, content);
      expect(said).toContain(`agent.ts:${lineOf(content, "instruction:")}: agent "echo"`);
      expect(said).toContain('Did you mean "instructions"?');
    }),
  );

  it(
    "is a provider whose package is not installed",
    inFolder(async (folder) => {
      const content = ECHO.replace(/model: [\s\S]*?\}\),\n/, 'model: "antropic/some-model",\n');
      const said = await sayOf(folder, content);
      expect(said).toContain(`agent.ts:${lineOf(content, "antropic")}: The package @ai-sdk/antropic`);
      expect(said).toMatch(/\[MODEL_PACKAGE_MISSING\][\s\S]*Did you mean "anthropic"/);
    }),
  );

  it(
    "is that it exports no agent, or is not there",
    inFolder(async (folder) => {
      expect(await sayOf(folder, "export const answer = 42;\n")).toContain("exports no agent, only: answer");
      expect(await folder.run("run", "none.ts", "hi")).toMatchObject({ code: 3 });
    }),
  );
});
