import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ECHO, jsonLines, SLOW, UNSURE, UserFolder } from "./cli-process.fixture.ts";

/** A test in a folder of its own. */
const inFolder = (work: (folder: UserFolder) => Promise<void>) => async (): Promise<void> => {
  const folder = new UserFolder();
  try {
    folder.write("agent.ts", ECHO);
    await work(folder);
  } finally {
    folder.remove();
  }
};

describe("holdfast", () => {
  it(
    "prints its version and its help",
    inFolder(async (folder) => {
      expect(await folder.run("--version")).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^\d+\.\d+/),
      });
      const help = await folder.run("--help");
      expect(help).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("sessions list") });
      for (const line of help.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(81);
    }),
  );

  it(
    "names the nearest command and option, and exits with 2",
    inFolder(async (folder) => {
      expect(await folder.run("sesions", "list")).toMatchObject({
        code: 2,
        stdout: "",
        stderr: expect.stringContaining("Did you mean: holdfast sessions?"),
      });
      expect((await folder.run("sessions", "lst")).stderr).toContain("holdfast sessions list?");
      const wrong = await folder.run("run", "agent.ts", "hi", "--sesion", "x");
      expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("Did you mean --session?") });
      expect((await folder.run("run")).code).toBe(2);
      expect((await folder.run("run", "agent.ts")).code).toBe(2);
    }),
  );

  it(
    "makes no data directory by looking",
    inFolder(async (folder) => {
      for (const args of [["sessions", "list"], ["sessions", "show", "x"], ["doctor"], ["backup", "there"]]) {
        expect((await folder.run(...args)).code).toBe(3);
      }
      expect(readdirSync(folder.path)).toEqual(["agent.ts"]);
    }),
  );
});

describe("holdfast run", () => {
  it(
    "prints the answer to stdout and everything else to stderr",
    inFolder(async (folder) => {
      const { code, stdout, stderr } = await folder.run("run", "agent.ts", "please look");
      expect({ code, stdout }).toEqual({ code: 0, stdout: "You said: please look\n" });
      expect(stderr).toMatch(/→ look_up \{\}\n✓ look_up/);
      expect(stderr).toContain("done: 2 turns, 1 tool call");
    }),
  );

  it(
    "works beside a package.json that says commonjs",
    inFolder(async (folder) => {
      folder.write("package.json", '{ "type": "commonjs" }');
      expect(await folder.run("run", "agent.ts", "hi")).toMatchObject({ code: 0, stdout: "You said: hi\n" });
    }),
  );

  it(
    "prints events as lines of JSON, the outcome last",
    inFolder(async (folder) => {
      const { stdout, stderr } = await folder.run("run", "agent.ts", "hi", "--json");
      const lines = jsonLines(stdout);
      expect(lines.map((line) => line["type"] ?? line["kind"])).toEqual(
        expect.arrayContaining(["run.accepted", "model-call.completed", "run.completed", "outcome"]),
      );
      expect(lines.at(-1)).toMatchObject({ kind: "outcome", status: "completed", output: "You said: hi" });
      expect(stderr).toBe("");
    }),
  );

  it(
    "goes on with a session, and finds one by its key",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "one", "--key", "k");
      await folder.run("run", "agent.ts", "two", "--key", "k");
      const id = await folder.newestSession();
      await folder.run("run", "agent.ts", "three", "--session", id);
      const shown = await folder.run("sessions", "show", id);
      for (const input of ["one", "two", "three"]) expect(shown.stdout).toContain(JSON.stringify(input));
      expect(await folder.run("run", "agent.ts", "x", "--session", "ses_none")).toMatchObject({ code: 3 });
    }),
  );

  it(
    "accepts an input once for one idempotency key (J5)",
    inFolder(async (folder) => {
      const send = (input: string) =>
        folder.run("run", "agent.ts", input, "--key", "k", "--idempotency-key", "mail-1");
      expect((await send("one")).stdout).toBe("You said: one\n");
      expect((await send("one")).stdout).toBe("You said: one\n");
      expect(await send("two")).toMatchObject({
        code: 4,
        stderr: expect.stringContaining("IDEMPOTENCY_CONFLICT"),
      });
      const shown = JSON.parse(
        (await folder.run("sessions", "show", await folder.newestSession(), "--json")).stdout,
      );
      expect(shown.runs).toHaveLength(1);
    }),
  );

  it(
    "hands in an input for a session, once for one key, and as it is wanted while a run is active (S4)",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "one", "--key", "k");
      const id = await folder.newestSession();
      const send = (...more: readonly string[]) => folder.run("sessions", "send", id, "two", ...more);
      const { code, stdout } = await send("--idempotency-key", "second", "--json");
      expect(code).toBe(0);
      const { runId } = JSON.parse(stdout);
      expect((await send("--idempotency-key", "second")).stdout).toBe(`${runId}\n`);
      expect(await send("--when-active", "reject")).toMatchObject({
        code: 4,
        stderr: expect.stringContaining("RUN_ACTIVE"),
      });
      expect(await send("--when-active", "later")).toMatchObject({ code: 2 });
      expect((await folder.run("sessions", "send", id, "three", "--when-active", "steer")).code).toBe(0);
      expect((await folder.run("run", "agent.ts", "four", "--session", id)).stdout).toBe("You said: four\n");
      expect((await folder.run("sessions", "show", id)).stdout).toContain('"two"');
    }),
  );

  it(
    "asks which agent is meant where a file exports several",
    inFolder(async (folder) => {
      const two = ECHO.replace("export const agent", "export const first").concat(
        'export const second = defineAgent({ name: "second", instructions: "x", model: scriptedModel([{ text: "2" }]) });\n',
      );
      folder.write("two.ts", two);
      expect(await folder.run("run", "two.ts", "hi")).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("echo, second"),
      });
      expect((await folder.run("run", "two.ts", "hi", "--agent", "second")).stdout).toBe("2\n");
      expect((await folder.run("run", "two.ts", "hi", "--agent", "third")).code).toBe(3);
    }),
  );

  it(
    "exits with 1 when the run fails",
    inFolder(async (folder) => {
      folder.write(
        "bad.ts",
        ECHO.replace(
          /model: scriptedModel[\s\S]*?\}\),\n\}\);/,
          'model: scriptedModel([{ fail: { code: "MODEL_REFUSED" } }]) });',
        ),
      );
      expect(await folder.run("run", "bad.ts", "hi")).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("[MODEL_REFUSED]"),
      });
    }),
  );

  it(
    "cancels on the first Ctrl-C and leaves the session in good order (E5)",
    inFolder(async (folder) => {
      folder.write("slow.ts", SLOW);
      const running = folder.start("run", "slow.ts", "go");
      expect(await running.prints("→ wait")).toBe(true);
      running.kill("SIGINT");
      expect(await running.ended).toMatchObject({ code: 130, stderr: expect.stringContaining("cancelled:") });
      const id = await folder.newestSession();
      expect((await folder.run("sessions", "events", id)).stdout).toMatch(/run\.cancelled/);
      expect((await folder.run("doctor")).code).toBe(0);
      expect((await folder.run("run", "slow.ts", "--session", id)).stderr).toContain("no open run");
    }),
  );

  it(
    "cancels nothing on SIGTERM: the next process goes on",
    inFolder(async (folder) => {
      folder.write("slow.ts", SLOW);
      const running = folder.start("run", "slow.ts", "go");
      expect(await running.prints("→ wait")).toBe(true);
      running.kill("SIGTERM");
      expect(await running.prints("Letting go")).toBe(true);
      running.kill("SIGKILL");
      await running.ended;
      folder.write("slow.ts", SLOW.replace(/execute: [\s\S]*?\n {2}\}\),\n/, "execute: () => 1,\n"));
      const id = await folder.newestSession();
      const { code, stdout } = await folder.run("run", "slow.ts", "--session", id);
      expect({ code, stdout }).toEqual({ code: 0, stdout: "waited\n" });
    }),
  );
});

describe("a run that waits for a person", () => {
  const suspend = async (folder: UserFolder): Promise<string> => {
    folder.write("unsure.ts", UNSURE);
    const { code, stderr } = await folder.run("run", "unsure.ts", "go");
    expect(code).toBe(5);
    const id = await folder.newestSession();
    expect(stderr).toContain(`holdfast calls resolve ${id} call_`);
    return id;
  };
  const openCall = async (folder: UserFolder, id: string): Promise<string> => {
    const { stdout } = await folder.run("sessions", "show", id, "--json");
    return JSON.parse(stdout).openCalls[0].callId;
  };

  it(
    "goes on once it is told what became of the call (E2)",
    inFolder(async (folder) => {
      const id = await suspend(folder);
      const call = await openCall(folder, id);
      expect((await folder.run("sessions", "list", "--waiting", "resolution")).stdout).toContain(id);
      expect((await folder.run("calls", "resolve", id, call)).code).toBe(2);
      expect((await folder.run("calls", "resolve", id, call, "--done", "{oops")).code).toBe(2);
      expect((await folder.run("calls", "resolve", id, "call_9_9", "--retry")).code).toBe(3);
      expect((await folder.run("calls", "resolve", id, call, "--done", '{"paid":7}')).code).toBe(0);
      const { code, stdout } = await folder.run("run", "unsure.ts", "--session", id);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'told: {"paid":7}\n' });
      expect(readFileSync(join(folder.path, "effects.log"), "utf8").trim().split("\n")).toHaveLength(1);
      expect((await folder.run("calls", "resolve", id, call, "--retry")).code).toBe(3);
    }),
  );

  it(
    "says so to inputs that come behind it",
    inFolder(async (folder) => {
      const id = await suspend(folder);
      const second = await folder.run("run", "unsure.ts", "more", "--session", id);
      expect(second).toMatchObject({ code: 5, stderr: expect.stringContaining("holdfast calls resolve") });
    }),
  );

  it(
    "is cancelled, and says what may have taken effect",
    inFolder(async (folder) => {
      const id = await suspend(folder);
      expect((await folder.run("sessions", "cancel", id, "--reason", "no longer needed")).code).toBe(0);
      await folder.run("run", "unsure.ts", "--session", id);
      const shown = await folder.run("sessions", "show", id);
      expect(shown.stdout).toMatch(/status +cancelled/);
      expect(shown.stdout).toContain("may or may not have taken effect: pay");
      expect((await folder.run("sessions", "resume", id)).code).toBe(4);
    }),
  );
});

describe("holdfast sessions", () => {
  it(
    "lists within 80 columns, by filter and page",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "one", "--tenant", "acme");
      await folder.run("run", "agent.ts", "two");
      const all = await folder.run("sessions", "list");
      expect(all.stdout.trim().split("\n")).toHaveLength(3);
      for (const line of all.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
      const acme = JSON.parse((await folder.run("sessions", "list", "--tenant", "acme", "--json")).stdout);
      expect(acme.sessions).toHaveLength(1);
      const page = JSON.parse((await folder.run("sessions", "list", "--limit", "1", "--json")).stdout);
      expect(page.cursor).toEqual(expect.any(String));
      expect((await folder.run("sessions", "list", "--limit", "none")).code).toBe(2);
      expect((await folder.run("sessions", "list", "--status", "done")).code).toBe(2);
    }),
  );

  it(
    "prints the journal, from a position on",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "look");
      const id = await folder.newestSession();
      const whole = await folder.run("sessions", "events", id);
      expect(whole.stdout).toMatch(/ 1 .*session\.created +agent echo\n +2 .*run\.accepted +"look"/);
      const rest = jsonLines((await folder.run("sessions", "events", id, "--after", "4", "--json")).stdout);
      expect(rest[0]).toMatchObject({ kind: "event", position: 5 });
    }),
  );

  it(
    "follows a session that another process works (S5)",
    inFolder(async (folder) => {
      folder.write("slow.ts", SLOW);
      const running = folder.start("run", "slow.ts", "go");
      expect(await running.prints("→ wait")).toBe(true);
      const following = folder.start("sessions", "events", await folder.newestSession(), "--follow");
      expect(await following.prints("tool-call.started")).toBe(true);
      running.kill("SIGINT");
      expect(await following.prints("run.cancelled")).toBe(true);
      following.kill("SIGINT");
      expect((await following.ended).code).toBe(0);
      await running.ended;
    }),
  );

  it(
    "cancels what another process works",
    inFolder(async (folder) => {
      folder.write("slow.ts", SLOW);
      const running = folder.start("run", "slow.ts", "go");
      expect(await running.prints("→ wait")).toBe(true);
      const cancelled = await folder.run("sessions", "cancel", await folder.newestSession());
      expect(cancelled).toMatchObject({ code: 0, stdout: expect.stringMatching(/^run_\S+ cancelled\n$/) });
      expect((await running.ended).code).toBe(1);
    }),
  );
});

describe("holdfast schedules", () => {
  it(
    "makes one that a process with the agent runs, and says where the run comes from",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "first");
      const made = await folder.run(
        "schedules",
        "create",
        "echo",
        "hello",
        "--every",
        "1h",
        "--id",
        "hourly",
        "--session",
        "k",
      );
      expect(made).toMatchObject({
        code: 0,
        stdout: "hourly\n",
        stderr: expect.stringContaining("next tick"),
      });
      expect(
        (await folder.run("schedules", "create", "echo", "other", "--every", "1h", "--id", "hourly")).code,
      ).toBe(4);
      const asked = await folder.run("schedules", "run", "hourly", "--json");
      const { sessionId, runId } = JSON.parse(asked.stdout);
      await folder.run("run", "agent.ts", "second");
      const events = await folder.run("sessions", "events", sessionId);
      expect(events.stdout).toContain('schedule hourly (run by hand): "hello"');
      const shown = await folder.run("schedules", "show", "hourly");
      expect(shown.stdout).toMatch(/when +every 1 h\nstatus +active\nnext /);
      expect(runId).toMatch(/^run_/);
    }),
  );

  it(
    "lists, pauses, resumes and removes within 80 columns",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "first");
      for (const cron of ["0 3 * * *", "30 * * * *"]) {
        const zone = ["--time-zone", "Europe/Berlin", "--missed", "all:5", "--overlap", "skip"];
        expect((await folder.run("schedules", "create", "echo", "x", "--cron", cron, ...zone)).code).toBe(0);
      }
      const all = await folder.run("schedules", "list");
      expect(all.stdout.trim().split("\n")).toHaveLength(3);
      for (const line of all.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
      const page = JSON.parse((await folder.run("schedules", "list", "--limit", "1", "--json")).stdout);
      const { id } = page.schedules[0];
      expect((await folder.run("schedules", "pause", id)).stderr).toContain("is paused");
      expect(JSON.parse((await folder.run("schedules", "show", id, "--json")).stdout)).toMatchObject({
        status: "paused",
      });
      expect((await folder.run("schedules", "resume", id)).stderr).toContain("its next tick is at");
      expect((await folder.run("schedules", "remove", id)).code).toBe(0);
      for (const command of ["show", "pause", "resume", "remove", "run"])
        expect((await folder.run("schedules", command, id)).code).toBe(3);
    }),
  );

  it(
    "refuses what it cannot read, and exits with 2",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "first");
      for (const args of [
        ["--cron", "no"],
        ["--every", "5"],
        ["--at", "2030-01-01"],
        [],
        ["--every", "1h", "--missed", "all"],
      ])
        expect((await folder.run("schedules", "create", "echo", "x", ...args)).code).toBe(2);
    }),
  );
});

describe("holdfast deadletters", () => {
  it(
    "lists, shows, retries and discards what nobody took",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "first");
      expect(await folder.run("deadletters", "list")).toMatchObject({
        code: 0,
        stderr: "No dead letters.\n",
      });
      await folder.leaveDeadLetters(3);
      const all = await folder.run("deadletters", "list");
      expect(all.stdout.trim().split("\n")).toHaveLength(4);
      for (const line of all.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
      const { deadLetters } = JSON.parse((await folder.run("deadletters", "list", "--json")).stdout);
      const [one, other] = deadLetters;
      const shown = await folder.run("deadletters", "show", one.id);
      expect(shown.stdout).toMatch(/to +hook\n[^]*why +DELIVERY_FAILED: nobody is there\n/);
      expect((await folder.run("deadletters", "retry", one.id)).code).toBe(0);
      expect((await folder.run("deadletters", "discard", other.id)).code).toBe(0);
      for (const command of ["show", "retry", "discard"])
        expect((await folder.run("deadletters", command, one.id)).code).toBe(3);
      expect((await folder.run("deadletters", "list", "--limit", "1", "--json")).stdout).toContain(
        deadLetters[2].id,
      );
    }),
  );
});

describe("holdfast doctor", () => {
  it(
    "finds a healthy directory healthy, and shows no key",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "hi");
      const { code, stdout } = await folder.run("doctor");
      expect(code).toBe(0);
      expect(stdout).toContain("ok, every event verified");
      expect(stdout).toContain("no OPENAI_API_KEY");
      expect(stdout).toContain("1 completed");
    }),
  );

  it(
    "names the damaged session, the position, and what can be saved",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "a needle in the journal");
      const id = await folder.newestSession();
      await folder.run("run", "agent.ts", "fine");
      const path = join(folder.path, ".holdfast", "holdfast.db");
      const bytes = readFileSync(path);
      bytes.write("NEEDLE", bytes.indexOf("a needle in the journal") + 2);
      writeFileSync(path, bytes);
      const { code, stdout } = await folder.run("doctor");
      expect(code).toBe(1);
      expect(stdout).toContain(`${id} at event`);
      expect(stdout).toMatch(/the\s+content does not match its digest/);
      expect(stdout).toMatch(/events 1 to \d+ can be/);
      const found = JSON.parse((await folder.run("doctor", "--json")).stdout);
      expect(found.damages).toEqual([expect.objectContaining({ sessionId: id })]);
    }),
  );

  it(
    "says when nothing can be read any more",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "hi");
      writeFileSync(
        join(folder.path, ".holdfast", "holdfast.db"),
        "this is no database, and it is longer than a header",
      );
      expect(await folder.run("doctor")).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("STORE_DAMAGED"),
      });
    }),
  );

  it(
    "writes a backup that can be looked into",
    inFolder(async (folder) => {
      await folder.run("run", "agent.ts", "hi");
      expect((await folder.run("backup", "copy")).code).toBe(0);
      expect((await folder.run("sessions", "list", "--data-dir", "copy")).stdout).toContain("echo");
      expect((await folder.run("backup", "copy")).code).toBe(2);
    }),
  );
});

describe("holdfast init", () => {
  it(
    "writes an agent that runs at once, and overwrites nothing",
    inFolder(async (folder) => {
      const written = await folder.run("init", "mine");
      expect(written).toMatchObject({ code: 0, stderr: expect.stringContaining("scripted") });
      expect(readdirSync(join(folder.path, "mine")).toSorted()).toEqual([
        ".gitignore",
        "agent.ts",
        "package.json",
      ]);
      const { code, stdout } = await folder.run("run", "mine/agent.ts", "one two three");
      expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('{"words":3}') });
      expect((await folder.run("init", "mine")).code).toBe(4);
      folder.write(".gitignore", "dist");
      folder.write("package.json", "{}");
      await folder.run("init", ".");
      expect(readFileSync(join(folder.path, "agent.ts"), "utf8")).toBe(ECHO);
      expect(readFileSync(join(folder.path, "package.json"), "utf8")).toBe("{}");
      expect(existsSync(join(folder.path, ".holdfast"))).toBe(true);
    }),
  );
});

describe("holdfast dev", () => {
  it(
    "reloads definitions, keeps the session, and survives a broken edit",
    inFolder(async (folder) => {
      const dev = folder.start("dev", "agent.ts");
      expect(await dev.prints("echo from agent.ts")).toBe(true);
      dev.type("one");
      expect(await dev.prints("You said: one")).toBe(true);
      folder.write("agent.ts", ECHO.replace("You said", "I heard"));
      expect(await dev.prints("read again")).toBe(true);
      dev.type("two");
      expect(await dev.prints("I heard: two")).toBe(true);
      folder.write("agent.ts", ECHO.replace("You said: ", 'broken" oops'));
      expect(await dev.prints("last definition that worked")).toBe(true);
      dev.type("three");
      expect(await dev.prints("I heard: three")).toBe(true);
      dev.endInput();
      const { code, stderr } = await dev.ended;
      expect(code).toBe(0);
      expect(stderr).toMatch(/agent\.ts:\d+: .*AGENT_FILE_INVALID/);
      const { sessions } = JSON.parse((await folder.run("sessions", "list", "--json")).stdout);
      expect(sessions).toHaveLength(1);
    }),
  );

  it(
    "reloads when a file that is imported changes",
    inFolder(async (folder) => {
      folder.write("words.ts", 'export const WORDS: string = "first";\n');
      folder.write(
        "agent.ts",
        `import { WORDS } from "./words.ts";\n${ECHO.replace('"You said: "', "WORDS + ")}`.replace(
          "WORDS +  +",
          "WORDS +",
        ),
      );
      const dev = folder.start("dev", "agent.ts");
      dev.type(" one");
      expect(await dev.prints("first one")).toBe(true);
      folder.write("words.ts", 'export const WORDS: string = "second";\n');
      expect(await dev.prints("read again")).toBe(true);
      dev.type(" two");
      expect(await dev.prints("second two")).toBe(true);
      dev.endInput();
      expect((await dev.ended).code).toBe(0);
    }),
  );
});
