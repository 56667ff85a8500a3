import { expect, it } from "vitest";
import { UNSURE, UserFolder } from "../cli-process.fixture.ts";

it("S6 deploy check says what a file would change in open sessions, and whether something breaks", async () => {
  const folder = new UserFolder();
  try {
    folder.write("agent.ts", UNSURE);
    expect(await folder.run("run", "agent.ts", "go")).toMatchObject({ code: 5 });
    const same = await folder.run("deploy", "check", "agent.ts");
    expect(same).toMatchObject({ code: 0, stdout: "" });
    expect(same.stderr).toContain("changes nothing in open sessions");

    folder.write("agent.ts", UNSURE.replace('instructions: "x"', 'instructions: "y"'));
    const differs = await folder.run("deploy", "check", "agent.ts");
    expect(differs).toMatchObject({ code: 0 });
    expect(differs.stdout).toMatch(/unsure {2}suspended[\s\S]*differs: The open run keeps the instructions/);

    folder.write("agent.ts", UNSURE.replace("tools: [pay]", "tools: []"));
    const breaks = await folder.run("deploy", "check", "agent.ts", "--json");
    expect(breaks.code).toBe(1);
    expect(JSON.parse(breaks.stdout)).toMatchObject({
      agents: ["unsure"],
      findings: [{ agent: "unsure", changes: [{ kind: "tool-gone", breaks: true }] }],
    });
    expect(await folder.run("deploy", "check")).toMatchObject({ code: 2 });
  } finally {
    folder.remove();
  }
});
