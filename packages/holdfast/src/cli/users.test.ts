import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { createSqliteMemory } from "../memory/index.ts";
import { createSystemClock } from "../runtime/index.ts";
import { ECHO, UserFolder } from "./cli-process.fixture.ts";

const SERVER = fileURLToPath(new URL("./users-server.fixture.ts", import.meta.url));
const ANNS = "orchid-of-ann-forty-two";
const BOBS = "orchid-of-bob-forty-two";
const EVERYWHERE = [/^blobs\//, /^holdfast\.db/, /^memory\.db/, /^workspaces\//];
const ESCAPE = "\u001B";

const makeFolder = (): UserFolder & { readonly dataDir: string } => {
  const folder = new UserFolder();
  onTestFinished(() => folder.remove());
  return Object.assign(folder, { dataDir: join(folder.path, ".holdfast") });
};

/** A server in a process of its own that works the data directory, once ann and bob have talked to it. */
const startServer = async (dataDir: string, how = ""): Promise<ChildProcess> => {
  const server = fork(SERVER, [dataDir, how], { execArgv: ["--conditions=holdfast-source"] });
  onTestFinished(() => void server.kill("SIGKILL"));
  await untilSaid(server, how === "again" ? ["ready"] : ["at work", "at work", "ready"]);
  return server;
};

const untilSaid = async (server: ChildProcess, words: readonly string[]): Promise<void> => {
  const left = [...words];
  while (left.length > 0) {
    const [said] = (await once(server, "message")) as [string];
    left.splice(left.indexOf(said), 1);
  }
};

const end = async (server: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  const ended = once(server, "exit");
  server.kill(signal);
  await ended;
};

/** Files under a folder that hold the text; what a process takes away meanwhile holds nothing. */
const filesWith = (folder: string, text: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const isFound = entry.isFile() && existsSync(path) && readFileSync(path).includes(text);
    return isFound ? [path.slice(folder.length + 1)] : [];
  });

const expectEverywhere = (dataDir: string, word: string): void => {
  const files = filesWith(dataDir, word);
  for (const place of EVERYWHERE) expect(files.filter((name) => place.test(name))).not.toEqual([]);
};

const erase = (folder: UserFolder, ...more: readonly string[]) => folder.run("users", "erase", ...more);

const sessionsOf = async (folder: UserFolder, user: string) =>
  JSON.parse((await folder.run("sessions", "list", "--user", user, "--json")).stdout).sessions as readonly {
    readonly sessionId: string;
    readonly status: string;
  }[];

describe("holdfast users erase", () => {
  it("J4 S1 leaves a user's words in no file while a server works in the directory, and another's as they were", async () => {
    const folder = makeFolder();
    const { dataDir } = folder;
    const server = await startServer(dataDir);
    expectEverywhere(dataDir, ANNS);
    const { code, stdout, stderr } = await erase(folder, "ann", "--tenant", "acme", "--yes");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("Their runs are told to stop.");
    expect(stderr).toContain(
      'What was known of "ann" of tenant "acme" is erased: 3 sessions, 1 schedule, 1\nmemory.',
    );
    expect(filesWith(dataDir, ANNS)).toEqual([]);
    expect((await sessionsOf(folder, "ann")).map(({ status }) => status).toSorted()).toEqual([
      "cancelled",
      "cancelled",
      "completed",
    ]);
    expectEverywhere(dataDir, BOBS);
    expect((await sessionsOf(folder, "bob")).map(({ status }) => status)).toContain("running");
    await end(server, "SIGTERM");
    expect(filesWith(dataDir, ANNS)).toEqual([]);
    const again = await erase(folder, "ann", "--tenant", "acme", "--yes", "--json");
    expect(JSON.parse(again.stdout)).toEqual({ sessions: 3, memories: 0, schedules: 0, copies: [] });
    expect(await folder.run("doctor")).toMatchObject({ code: 0 });
  }, 60_000);

  it("J4 E5 waits for nobody where nobody works, and what it erased is cancelled when somebody does", async () => {
    const folder = makeFolder();
    const { dataDir } = folder;
    await end(await startServer(dataDir), "SIGKILL");
    expectEverywhere(dataDir, ANNS);
    const clock = createSystemClock();
    const began = clock.monotonicMs();
    const { code, stdout } = await erase(folder, "ann", "--tenant", "acme", "--yes", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ sessions: 3, memories: 1, schedules: 1, copies: [] });
    expect(clock.monotonicMs() - began).toBeLessThan(25_000);
    expect(filesWith(dataDir, ANNS)).toEqual([]);
    const server = await startServer(dataDir, "again");
    expect(filesWith(dataDir, ANNS)).toEqual([]);
    expectEverywhere(dataDir, BOBS);
    await end(server, "SIGTERM");
    expect(filesWith(dataDir, ANNS)).toEqual([]);
  }, 60_000);

  it("J4 names the sessions that a process does not let go of, and exits with 4; done again it goes on", async () => {
    const folder = makeFolder();
    const server = await startServer(folder.dataDir);
    server.kill("SIGSTOP");
    const args = ["ann", "--tenant", "acme", "--yes", "--wait"];
    const { code, stderr } = await erase(folder, ...args, "0s");
    const [running] = (await sessionsOf(folder, "ann")).filter(({ status }) => status === "running");
    expect(code).toBe(4);
    expect(stderr).toContain("1 session is still active, and not all is erased. [RUN_ACTIVE]");
    expect(stderr).toContain(`\n  holdfast sessions show ${running?.sessionId}\n`);
    server.kill("SIGCONT");
    expect(await erase(folder, ...args, "30s")).toMatchObject({ code: 0 });
    expect(filesWith(folder.dataDir, ANNS)).toEqual([]);
    await end(server, "SIGTERM");
  }, 60_000);

  it("asks before it erases: without a terminal it takes --yes, and says what there is", async () => {
    const folder = makeFolder();
    folder.write("agent.ts", ECHO);
    await folder.run("run", "agent.ts", "hello there", "--user", "ann");
    const { code, stderr } = await erase(folder, "ann");
    expect(code).toBe(2);
    expect(stderr).toContain('Known of "ann" outside of all tenants: 1 session, 0 schedules, 0 memories.\n');
    expect(stderr).toContain("--yes");
    const { stdout } = await erase(folder, "ann", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ kind: "error", failure: { code: "OPTION_INVALID" } });
    expect(filesWith(folder.dataDir, "hello there")).not.toEqual([]);
    const done = await erase(folder, "ann", "--yes");
    expect(done).toMatchObject({ code: 0, stderr: expect.stringContaining("There is no memory.db") });
    expect(filesWith(folder.dataDir, "hello there")).toEqual([]);
  });

  it("S1 says that nothing is known of a user, who there is instead, and erases nobody", async () => {
    const folder = makeFolder();
    folder.write("agent.ts", ECHO);
    await folder.run("run", "agent.ts", "hello there", "--user", "annabel", "--tenant", "acme");
    const refused = async (...args: readonly string[]): Promise<string> => {
      const { code, stderr, stdout } = await erase(folder, ...args, "--yes");
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(stderr).toContain("[USER_NOT_FOUND]");
      return stderr;
    };
    expect(await refused("annabel")).toContain('There is "annabel" of tenant "acme"');
    expect(await refused("anabel", "--tenant", "acme")).toContain('There is "annabel" of tenant "acme"');
    expect(await refused("zoe", "--tenant", "acme")).toContain("holdfast sessions list --json");
    expect(filesWith(folder.dataDir, "hello there")).not.toEqual([]);
    expect(await erase(folder, "annabel", "--data-dir", "nowhere")).toMatchObject({ code: 3 });
    expect(existsSync(join(folder.path, "nowhere"))).toBe(false);
    for (const args of [[""], ["annabel", "--tenant="], ["annabel", "--wait", "soon"]])
      expect((await erase(folder, ...args)).code).toBe(2);
  });

  it("K10 erases what is remembered where there is a memory alone, and makes nothing besides", async () => {
    const folder = makeFolder();
    const { dataDir } = folder;
    const memory = await createSqliteMemory({ dataDir });
    const scope = { tenant: null, user: "ann", agent: null, session: null, namespace: "" };
    await memory.write({
      by: { operatorOf: null },
      key: null,
      now: 1,
      changes: [{ do: "add", memory: { scope, kind: "fact", text: `It is ${ANNS}`, origin: "user" } }],
    });
    await memory.close();
    const { code, stdout } = await erase(folder, "ann", "--yes", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ sessions: 0, memories: 1, schedules: 0, copies: [] });
    expect(filesWith(dataDir, ANNS)).toEqual([]);
    expect(readdirSync(dataDir).filter((name) => !name.startsWith("memory.db"))).toEqual([]);
  });

  it("names copies from before an upgrade, and shows a user's name as it is typed", async () => {
    const folder = makeFolder();
    folder.write("agent.ts", ECHO);
    const hostile = `eve${ESCAPE}[2J${ESCAPE}]0;owned\u0007\nerror: all is gone`;
    await folder.run("run", "agent.ts", "hello", "--user", hostile);
    writeFileSync(join(folder.dataDir, "holdfast.v3.db"), "");
    const asked = await erase(folder, hostile);
    const done = await erase(folder, hostile, "--yes");
    const unknown = await erase(folder, hostile, "--tenant", hostile);
    expect(done.stderr).toContain("\n  .holdfast/holdfast.v3.db\n");
    for (const { stderr } of [asked, done, unknown]) {
      expect(stderr).toContain("eve^[[2J^[]0;owned^G error:");
      expect(stderr).not.toContain(ESCAPE);
      expect(stderr).not.toContain("\u0007");
    }
  });
});
