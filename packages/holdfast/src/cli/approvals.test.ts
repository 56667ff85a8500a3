import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ASKING, UserFolder } from "./cli-process.fixture.ts";

const inFolder = (work: (folder: UserFolder) => Promise<void>) => async (): Promise<void> => {
  const folder = new UserFolder();
  try {
    folder.write("agent.ts", ASKING);
    await work(folder);
  } finally {
    folder.remove();
  }
};

const effectsOf = ({ path }: UserFolder): string => {
  const file = join(path, "effects.log");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};

/** A run that waits for approval, and the approval's id. */
const askedFor = async (folder: UserFolder): Promise<string> => {
  const run = await folder.run("run", "agent.ts", "pay");
  expect(run).toMatchObject({ code: 5, stderr: expect.stringContaining("somebody to approve") });
  const { stdout } = await folder.run("approvals", "list", "--json");
  const { approvals } = JSON.parse(stdout) as {
    readonly approvals: readonly { readonly approvalId: string }[];
  };
  return approvals[0]?.approvalId ?? "";
};

describe("holdfast approvals", () => {
  it(
    "E4 lists, shows and approves; the run goes on with the next process that has the agent",
    inFolder(async (folder) => {
      const approvalId = await askedFor(folder);
      expect((await folder.run("approvals", "list")).stdout).toMatch(/APPROVAL.*\n.*pay \{"cents":500\}/);
      const shown = await folder.run("approvals", "show", approvalId);
      expect(shown.stdout).toMatch(/why +It is money\.\nwho +anybody/);
      expect(await folder.run("approvals", "approve", approvalId, "--by", "ann")).toMatchObject({ code: 0 });
      expect(await folder.run("approvals", "approve", approvalId, "--by", "ann")).toMatchObject({ code: 0 });
      expect(await folder.run("approvals", "deny", approvalId)).toMatchObject({
        code: 4,
        stderr: expect.stringContaining("another decision came first"),
      });
      const id = await folder.newestSession();
      const gone = await folder.run("run", "agent.ts", "--session", id);
      expect(gone).toMatchObject({ code: 0, stdout: 'told: {"paid":500}\n' });
      expect(effectsOf(folder)).toBe("500\n");
      expect(await folder.run("approvals", "show", approvalId)).toMatchObject({ code: 4 });
      expect((await folder.run("sessions", "events", id)).stdout).toContain("approved by ann");
    }),
  );

  it(
    "E4 denies with a message, and edits",
    inFolder(async (folder) => {
      const denied = await askedFor(folder);
      await folder.run("approvals", "deny", denied, "--message", "Not today.");
      const first = await folder.run("run", "agent.ts", "--session", await folder.newestSession());
      expect(first.stdout).toContain("Not today.");
      const edited = await askedFor(folder);
      expect(await folder.run("approvals", "edit", edited)).toMatchObject({ code: 2 });
      expect(await folder.run("approvals", "edit", edited, "--input", "{")).toMatchObject({ code: 2 });
      await folder.run("approvals", "edit", edited, "--input", '{"cents":7}');
      const second = await folder.run("run", "agent.ts", "--session", await folder.newestSession());
      expect(second.stdout).toContain("was changed before this call ran");
      expect(effectsOf(folder)).toBe("7\n");
    }),
  );

  it(
    "says what is wrong with an id",
    inFolder(async (folder) => {
      expect(await folder.run("approvals", "list")).toMatchObject({ code: 3 });
      await askedFor(folder);
      for (const wrong of ["apr", "apr_none_1_0_1"])
        expect(await folder.run("approvals", "approve", wrong)).toMatchObject({ code: 3 });
    }),
  );
});

describe("holdfast calls submit", () => {
  it(
    "E3 brings a result that fits, and refuses one that does not",
    inFolder(async (folder) => {
      const run = await folder.run("run", "agent.ts", "measure");
      expect(run).toMatchObject({ code: 5, stderr: expect.stringContaining("holdfast calls submit") });
      const id = await folder.newestSession();
      const { openCalls } = JSON.parse((await folder.run("sessions", "show", id, "--json")).stdout) as {
        readonly openCalls: readonly { readonly callId: string }[];
      };
      const call = openCalls[0]?.callId ?? "";
      const submit = (...more: readonly string[]) =>
        folder.run("calls", "submit", "agent.ts", id, call, ...more);
      expect(await submit()).toMatchObject({ code: 2 });
      expect(await submit("--output", '{"degrees":"warm"}')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("degrees"),
      });
      expect(await submit("--output", '{"degrees":21}')).toMatchObject({ code: 0 });
      expect(await submit("--output", '{"degrees":5}')).toMatchObject({ code: 4 });
      const gone = await folder.run("run", "agent.ts", "--session", id);
      expect(gone.stdout).toBe('told: {"degrees":21}\n');
    }),
  );
});
