/** Journals of every version that was ever recorded: they fold to what they came to then, and can be gone on with. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEvent } from "holdfast/core";
import { createTestRuntime } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentOf, recordingModel, within } from "../../packages/holdfast/src/testing/scenario.fixture.ts";
import { ALL_ARMS, ALL_STATUSES, armsIn } from "./arms.ts";
import { foldJournal, problemInChain, withoutContent } from "./fold-journal.ts";
import { THIS_DIRECTORY } from "./record-directory.ts";
import { recordJournal, THIS_JOURNAL } from "./record-journal.ts";
import {
  changesToFrozen,
  freeze,
  listRecordings,
  readFrozen,
  readRecorded,
  refusalToWrite,
  writeRecorded,
} from "./recorded-files.ts";
import { parseRecording, printRecording, type Recording } from "./recording.ts";

const versions = listRecordings().filter((name) => name.startsWith("journal-"));
const recordingsOf = (version: string): readonly Recording[] =>
  [...readRecorded(version).values()].map(parseRecording);
const all = versions.flatMap((version) =>
  recordingsOf(version).map((recording) => ({ version, name: recording.name, recording })),
);
/** Expected of a fold whatever was said. */
const control = ({ transcript: _transcript, window: _window, ...rest }: Recording["expected"]) => rest;

describe("the recordings", () => {
  it("S6 are there for this version and each before it", () => {
    const last = Number(THIS_JOURNAL.slice("journal-".length));
    expect(versions).toEqual(Array.from({ length: last }, (_, index) => `journal-${index + 1}`).toSorted());
    for (const version of versions) expect(recordingsOf(version).length).toBeGreaterThan(20);
  });

  it("S6 of this version hold every type of event, every arm of it and every status", () => {
    const recordings = recordingsOf(THIS_JOURNAL);
    const seen = new Set(recordings.flatMap(({ events }) => [...armsIn(events.map(openEvent))]));
    expect(ALL_ARMS.filter((arm) => !seen.has(arm))).toEqual([]);
    const statuses = new Set<string>(recordings.map(({ expected }) => expected.status));
    expect(ALL_STATUSES.filter((status) => !statuses.has(status))).toEqual([]);
  });

  it("S6 of released versions are as they were", () => {
    expect(changesToFrozen()).toEqual([]);
  });

  it("S6 of this version are frozen once it is released", () => {
    const manifest = readFileSync(join(import.meta.dirname, "../../packages/holdfast/package.json"), "utf8");
    const { version }: { readonly version: string } = JSON.parse(manifest);
    const isReleased = !version.endsWith("-dev");
    const frozen = Object.keys(readFrozen());
    const all = listRecordings();
    const older = all.filter((name) => name !== THIS_JOURNAL && name !== THIS_DIRECTORY);
    expect(frozen).toEqual(expect.arrayContaining(isReleased ? [...all] : older));
  });

  it("are the same whenever they are made", async () => {
    expect(await recordJournal()).toEqual(await recordJournal());
  });
});

describe.each(all)("$version, $name", ({ recording }) => {
  const { events, expected } = recording;

  it("J4 verifies from its first event to its last", () => {
    expect(problemInChain(events)).toBeNull();
  });

  it("S6 folds to the transcript, settled calls and status it had", () => {
    expect(foldJournal(events)).toEqual(expected);
  });

  it("J3 S6 folds to the same settled calls and status with its content erased", () => {
    expect(control(foldJournal(withoutContent(events)))).toEqual(control(expected));
  });
});

const atRest = all.filter(({ recording: { expected } }) =>
  ["completed", "failed", "cancelled"].includes(expected.status),
);

describe.each(atRest)("$version, $name, opened by this version", ({ recording }) => {
  it("S6 E3 is gone on with: the model is sent what was said, in an order that providers take", async () => {
    const { events, expected, sessionId } = recording;
    const model = recordingModel([{ text: "Welcome back." }]);
    const agent = agentOf({ model, limits: { maxWindowChars: 1_000_000 } });
    const last = openEvent(
      events.at(-1) ?? { position: 0, header: "", payload: null, salt: null, hash: new Uint8Array() },
    );
    const test = await createTestRuntime({ agents: [agent], now: last.at });
    const owner = { agent: agent.name, tenant: null, user: null };
    await test.store.create({ sessionId, owner, events });
    const session = await test.runtime.getSession(sessionId);
    const outcome = await within(test, (await session.send("Go on.")).outcome(), 5_000);
    expect(outcome).toMatchObject({ status: "completed", text: "Welcome back." });
    const [request] = model.requests;
    expect(request?.messages).toEqual([
      ...expected.window,
      { role: "user", content: [{ type: "text", text: "Go on." }] },
    ]);
    expect(await test.store.check()).toEqual([]);
    await test.close();
  });
});

describe("a recording", () => {
  it("is read back byte for byte", () => {
    for (const { recording } of all) expect(parseRecording(printRecording(recording))).toEqual(recording);
  });

  it("J4 shows when a byte of a header was changed", () => {
    const [first] = recordingsOf(THIS_JOURNAL);
    const events = first?.events ?? [];
    const forged = events.map((event) => ({ ...event, header: event.header.replace('"clerk"', '"cleric"') }));
    expect(problemInChain(forged)).toContain("event 1");
  });
});

describe("the recorder", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdfast-recorded-"));
    writeFileSync(join(root, "frozen.json"), "{}");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const files = new Map([["a.json", "one"]]);

  it("writes what is not there, and writes over it only when told to", () => {
    expect(refusalToWrite("journal-1", { mayReplace: false, root })).toBeNull();
    writeRecorded("journal-1", files, root);
    expect(refusalToWrite("journal-1", { mayReplace: false, root })).toContain("--replace");
    expect(refusalToWrite("journal-1", { mayReplace: true, root })).toBeNull();
  });

  it("S6 never writes over what was released, and sees what was changed, added or taken away", () => {
    writeRecorded("journal-1", files, root);
    freeze("journal-1", root);
    expect(refusalToWrite("journal-1", { mayReplace: true, root })).toContain("never written again");
    expect(changesToFrozen(root)).toEqual([]);
    writeFileSync(join(root, "journal-1", "a.json"), "two");
    writeFileSync(join(root, "journal-1", "b.json"), "three");
    expect(changesToFrozen(root)).toEqual(["journal-1/a.json", "journal-1/b.json"]);
    rmSync(join(root, "journal-1"), { recursive: true });
    expect(changesToFrozen(root)).toEqual(["journal-1/a.json"]);
  });
});
