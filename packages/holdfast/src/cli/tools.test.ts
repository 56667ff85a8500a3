import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { ECHO, PACKAGE, UNSURE, UserFolder } from "./cli-process.fixture.ts";

const folder = new UserFolder();
afterAll(() => folder.remove());
folder.write("agent.ts", ECHO);
folder.write("unsure.ts", UNSURE);
folder.write(
  "asking.ts",
  UNSURE.replace('effect: "write",', 'effect: "write", needsApproval: true,')
    .replace("tools: [pay],", "tools: [pay], limits: { maxCostUsd: 1 },")
    .replace(
      '{ type: "object", properties: {} }',
      '{ type: "object", required: ["cents"], properties: { cents: { type: "integer" } } }',
    ),
);

folder.write(
  "shop.ts",
  `import { defineAgent } from "${PACKAGE}";
import { scriptedModel } from "${PACKAGE}/testing";
import { sqlTools } from "${PACKAGE}/tools";
export const agent = defineAgent({
  name: "shop", instructions: "x", model: scriptedModel([]),
  tools: [
    ...sqlTools({ sqlite: "shop.db" }, { name: "shop" }),
    ...sqlTools({ sqlite: "nowhere/none.db" }, { name: "lost" }),
    ...sqlTools({ mysql: "mysql://shop:s3cret@127.0.0.1:1/shop" }, { name: "gone" }),
  ],
});
`,
);
new DatabaseSync(join(folder.path, "shop.db")).close();

describe("holdfast doctor with an agent file", () => {
  it("asks what is behind its tools, and says what does not answer and why", async () => {
    const { code, stdout } = await folder.run("doctor", "shop.ts");
    expect(code).toBe(1);
    expect(stdout).toMatch(/SQLite database shop\.db: answers \(shop_schema, shop_query\)/);
    expect(stdout).toMatch(
      /SQLite database none\.db: does not answer \(lost_schema, lost_query\)\n +.*unable to open/,
    );
    expect(stdout).toMatch(
      /MySQL database shop at 127\.0\.0\.1:1: does not answer \(gone_schema, gone_query\)\n +.*ECONNREFUSED[^]*Is the server running/,
    );
    expect(stdout).not.toContain("s3cret");
    const json = await folder.run("doctor", "shop.ts", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      tools: [{ state: "answers" }, { state: "failed" }, { state: "failed" }],
    });
    const none = await folder.run("doctor", "agent.ts");
    expect(none).toMatchObject({ code: 0 });
    expect(none.stdout).toContain("nothing of theirs has to be asked");
  });
});

describe("holdfast tools", () => {
  it("lists what an agent's tools may do, as a table and with their schemas", async () => {
    const table = await folder.run("tools", "list", "agent.ts");
    expect(table).toMatchObject({ code: 0 });
    expect(table.stdout).toMatch(
      /TOOL +EFFECT +TIME LIMIT +ATTEMPTS +APPROVAL +ABOUT\nlook_up +read +30 s +3 +looks/,
    );
    const json = await folder.run("tools", "list", "unsure.ts", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject([
      {
        name: "pay",
        effect: "write",
        inputSchema: { type: "object" },
        canVerify: false,
        mayNeedApproval: false,
      },
    ]);
  });

  it("calls one without a model, and says what the model would be told", async () => {
    const called = await folder.run("tools", "call", "agent.ts", "look_up");
    expect(called).toMatchObject({ code: 0, stdout: '{\n  "answer": 42\n}\n' });
    const json = await folder.run("tools", "call", "agent.ts", "look_up", "{}", "--json");
    expect(JSON.parse(json.stdout)).toEqual({ output: { type: "json", value: { answer: 42 } } });
    // Whatever sessions there are, are not touched, and none is made.
    expect(existsSync(join(folder.path, ".holdfast"))).toBe(false);
  });

  it("checks arguments, asks for approval, and says what a failure is", async () => {
    const wrong = await folder.run("tools", "call", "asking.ts", "pay", '{"cents":"many"}');
    expect(wrong).toMatchObject({ code: 1, stdout: "" });
    expect(wrong.stderr).toContain("TOOL_INPUT_INVALID");
    const asked = await folder.run("tools", "call", "asking.ts", "pay", '{"cents":5}');
    expect(asked).toMatchObject({ code: 5, stdout: "" });
    expect(asked.stderr).toContain("The call waits for: approval. Nobody was there to answer");
    const unsure = await folder.run("tools", "call", "unsure.ts", "pay");
    expect(unsure).toMatchObject({ code: 5 });
    expect(unsure.stderr).toContain("waits for: resolution");
  });

  it("says what is wrong with the words, and what was meant", async () => {
    const near = await folder.run("tools", "call", "agent.ts", "lookup");
    expect(near.code).toBe(3);
    expect(near.stderr).toContain('has no tool "lookup"');
    expect(near.stderr).toContain('Did you mean "look_up"?');
    const json = await folder.run("tools", "call", "agent.ts", "look_up", "{x}");
    expect(json.code).toBe(2);
    expect(json.stderr).toContain("The input is not JSON");
    expect(await folder.run("tools", "call", "agent.ts", "look_up", "[1]")).toMatchObject({ code: 2 });
    expect(await folder.run("tools", "list")).toMatchObject({ code: 2 });
  });
});
