import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SAVING, UserFolder } from "./cli-process.fixture.ts";

type Shown = { readonly digest: string; readonly name: string };

/** A test in a folder with a session that has two files. */
const withFiles =
  (work: (folder: UserFolder, session: string) => Promise<void>) => async (): Promise<void> => {
    const folder = new UserFolder();
    try {
      folder.write("agent.ts", SAVING);
      await folder.run("run", "agent.ts", "go");
      await work(folder, await folder.newestSession());
    } finally {
      folder.remove();
    }
  };

const listed = async (folder: UserFolder, session: string): Promise<readonly Shown[]> =>
  JSON.parse((await folder.run("artifacts", "list", session, "--json")).stdout).artifacts;

const bytesOf = async (folder: UserFolder, ...args: readonly string[]): Promise<Buffer> => {
  const main = new URL("./main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--conditions=holdfast-source", main, ...args], {
    cwd: folder.path,
  });
  return Buffer.concat(await Array.fromAsync(child.stdout));
};

describe("holdfast artifacts", () => {
  it(
    "lists the files of a session, and tells of them in its journal",
    withFiles(async (folder, session) => {
      const { code, stdout } = await folder.run("artifacts", "list", session);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^DIGEST +NAME +TYPE +SIZE +FROM +SAVED\n/);
      expect(stdout).toMatch(/report\.md +text\/markdown +18 B +call_\d+_0 /);
      expect((await listed(folder, session)).map(({ name }) => name)).toEqual(["report.md", "chart.bin"]);
      expect((await folder.run("sessions", "events", session)).stdout).toContain("2 files saved");
    }),
  );

  it(
    "prints a file to a pipe as it is, by name, digest or the beginning of one",
    withFiles(async (folder, session) => {
      const [report, chart] = await listed(folder, session);
      for (const which of ["chart.bin", chart?.digest ?? "", chart?.digest.slice(0, 12) ?? ""])
        expect(await bytesOf(folder, "artifacts", "get", session, which)).toEqual(
          Buffer.from([0, 255, 1, 10]),
        );
      const { stdout } = await folder.run("artifacts", "get", session, "report.md", "--json");
      expect(JSON.parse(stdout)).toMatchObject({
        digest: report?.digest,
        bytes: 18,
        base64: expect.any(String),
      });
    }),
  );

  it(
    "writes a file where it is told to and nowhere else, and over nothing",
    withFiles(async (folder, session) => {
      const get = (...args: readonly string[]) =>
        folder.run("artifacts", "get", session, "chart.bin", ...args);
      expect(await get("--out", "c.png")).toMatchObject({
        code: 0,
        stdout: "",
        stderr: "4 B written to c.png.\n",
      });
      expect(readFileSync(join(folder.path, "c.png"))).toEqual(Buffer.from([0, 255, 1, 10]));
      writeFileSync(join(folder.path, "mine"), "mine");
      symlinkSync("nowhere", join(folder.path, "link"));
      for (const path of ["mine", "link", "."]) expect((await get("--out", path)).code).toBe(4);
      expect(readFileSync(join(folder.path, "mine"), "utf8")).toBe("mine");
      expect((await get("--out", "no/such/folder")).code).toBe(2);
      for (const name of ["chart.bin", "report.md", "nowhere"])
        expect(existsSync(join(folder.path, name))).toBe(false);
    }),
  );

  it(
    "says what is not there",
    withFiles(async (folder, session) => {
      expect(await folder.run("artifacts", "get", session, "none.md")).toMatchObject({
        code: 3,
        stdout: "",
        stderr: expect.stringContaining("ARTIFACT_NOT_FOUND"),
      });
      expect((await folder.run("artifacts", "list", "ses_none")).code).toBe(3);
      expect((await folder.run("artifacts", "get", session)).code).toBe(2);
      expect((await folder.run("artifacts", "gt", session, "x")).stderr).toContain("holdfast artifacts get?");
    }),
  );
});
