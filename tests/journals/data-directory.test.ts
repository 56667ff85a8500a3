/** Data directories of every format that was ever recorded: they open, are whole, and can be gone on with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, type Run, type Runtime, type Session } from "holdfast";
import { createSqliteStore } from "holdfast/stores";
import { createManualClock, type ManualClock } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { directoryAgent } from "./data-directory-agent.ts";
import { unpackDirectory } from "./data-directory.ts";
import {
  foldSessions,
  KEPT_SCHEDULE,
  parseDirectory,
  recordDirectory,
  THIS_DIRECTORY,
} from "./record-directory.ts";
import { listRecordings, readRecorded } from "./recorded-files.ts";

const formats = listRecordings().filter((name) => name.startsWith("directory-"));

it("S6 there is a recording for this format of the data directory and each before it", () => {
  const last = Number(THIS_DIRECTORY.slice("directory-".length));
  expect(formats).toEqual(Array.from({ length: last }, (_, index) => `directory-${index + 1}`).toSorted());
});

it("the sessions of a recording come to the same whenever it is made", async () => {
  const [one, other] = [parseDirectory(await recordDirectory()), parseDirectory(await recordDirectory())];
  expect(one.sessions).toEqual(other.sessions);
}, 120_000);

const asStored = ({ cron, timeZone, input, ...kept }: typeof KEPT_SCHEDULE): object => ({
  ...kept,
  content: input,
  timing: { kind: "cron", expression: cron, timeZone },
});

/** Half an hour after the recording: what waits is due, and no run is out of time. */
const LATER = Date.UTC(2026, 0, 1, 0, 30);

describe.each(formats)("%s, opened by this version", (format) => {
  const recorded = parseDirectory(readRecorded(format));
  const ids = new Map(Object.entries(recorded.sessions).map(([name, { id }]) => [name, id]));
  const idOf = (name: string): string => ids.get(name) ?? "";
  let dataDir = "";
  let clock: ManualClock;
  let runtime: Runtime;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "holdfast-directory-"));
    unpackDirectory(recorded.files, dataDir);
    clock = createManualClock({ now: LATER });
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  const open = async (): Promise<void> => {
    runtime = await createRuntime({ agents: [directoryAgent({ isRecording: false })], dataDir, clock });
  };
  const close = async (): Promise<void> => {
    await runtime.close();
  };
  const lastRun = async (session: Session): Promise<Run> => {
    let runId = "";
    for await (const event of session.history()) {
      if (event.type === "run.accepted") runId = event.runId ?? "";
    }
    return session.run(runId);
  };
  const goOn = async (name: string, text: string): Promise<unknown> => {
    const session = await runtime.getSession(idOf(name));
    const { status, ...rest } = await (await session.send(text)).outcome();
    return { status, text: "text" in rest ? rest.text : null };
  };

  it("J4 S6 is whole, and its sessions come to what they came to then", async () => {
    expect(await foldSessions(dataDir, clock, ids)).toEqual(recorded.sessions);
    const store = await createSqliteStore({ dataDir, clock });
    expect(await store.check()).toEqual([]);
    await store.close();
  });

  it("S6 settled sessions are gone on with, long, erased and with files", async () => {
    await open();
    for (const name of ["settled", "long", "erased", "files"]) {
      expect(await goOn(name, "And now?")).toEqual({ status: "completed", text: "Answered: And now?" });
    }
    expect(await runtime.store.check()).toEqual([]);
    await close();
  });

  it("S6 J5 a key that was used then is used", async () => {
    await open();
    const session = await runtime.getSession(idOf("settled"));
    const again = await session.send("Hello.", { idempotencyKey: "Hello." });
    expect(await again.outcome()).toMatchObject({ status: "completed", text: "Answered: Hello." });
    await expect(session.send("Hello?", { idempotencyKey: "Hello." })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
    expect((await runtime.createSession("clerk", { key: "unread" })).id).toBe(idOf("unread"));
    await close();
  });

  it("S6 E2 what was left open comes to its end, and nothing unknown is repeated", async () => {
    await open();
    for (const name of ["in-flight", "unread", "waits-for-a-time"]) {
      const run = await lastRun(await untilAccepted(await runtime.getSession(idOf(name))));
      expect(await run.outcome({ until: "settled" })).toMatchObject({ status: "completed" });
    }
    const session = await runtime.getSession(idOf("asks-a-person"));
    const [call] = (await session.snapshot()).openCalls;
    expect(call).toMatchObject({ tool: "pay", status: "unknown", attempt: 1 });
    await session.resolveCall(call?.callId ?? "", { as: "completed", output: "paid" });
    expect(await (await lastRun(session)).outcome()).toMatchObject({ text: "Answered: Pay." });
    expect(await runtime.store.check()).toEqual([]);
    await close();
  });

  /** An input that lay in the mailbox has no event before a worker has read it. */
  const untilAccepted = async (session: Session): Promise<Session> => {
    for await (const event of session.events()) if (event.type === "run.accepted") break;
    return session;
  };

  it("J5 S6 a schedule that it holds is gone on with", async () => {
    await open();
    const { schedules } = await runtime.schedules.list();
    // Older formats have none.
    expect(schedules.map(({ id }) => id)).toEqual(Number(format.split("-")[1]) < 4 ? [] : [KEPT_SCHEDULE.id]);
    for (const schedule of schedules) {
      expect(schedule).toMatchObject(asStored(KEPT_SCHEDULE));
      await vi.waitFor(async () => {
        const { last, nextAt } = await runtime.schedules.get(schedule.id);
        expect(last?.tick).toBe(Date.UTC(2026, 0, 1, 0, 15));
        expect(nextAt).toBe(Date.UTC(2026, 0, 2, 0, 15));
      });
    }
    await close();
  });

  it("S1 S6 has the files beside the database: those of inputs and of long results", async () => {
    await open();
    const { store } = runtime;
    const stored = await store.read(idOf("files"), 0, { limit: 10 });
    const digests = stored.flatMap(({ payload }) => payload?.match(/(?<="digest":")[^"]+/g) ?? []);
    expect(digests).toHaveLength(2);
    const sizes = await Promise.all(
      digests.map(async (digest) => (await store.readBlob(idOf("files"), digest))?.length),
    );
    expect(sizes).toEqual([200, 1_200_000]);
    const paths = Object.keys(recorded.files).filter((path) =>
      path.startsWith(`workspaces/${idOf("settled")}/`),
    );
    expect(paths).toHaveLength(1);
    await close();
  });
});
