import type { StoredEvent } from "../../core/hash-chain.ts";
import type {
  LeaseChange,
  Reservation,
  SessionSummary,
  Settlement,
  SignalKind,
} from "../../ports/journal-store.ts";
import type { DutyKind, NewDuty } from "../../ports/duty.ts";
import { type CellReader, CellWriter, CellReader as Reader, putList, takeList } from "./cells.ts";
import type { Packed } from "./cells.ts";
import type { NumberedWrite, PlacedBlob, PlacedCommit, PostedSignal, Write } from "./messages.ts";

const COMMIT = 0;
const POST = 1;
const CREATE = 2;
const SNAPSHOT = 3;
const OTHER = 4;

/** Appends one write to a message. */
export const putWrite = (writer: CellWriter, { id, write }: NumberedWrite): void => {
  switch (write.kind) {
    case "commit":
      writer.put(COMMIT, id);
      putCommit(writer, write.commit);
      return;
    case "post":
      writer.put(POST, id);
      putList(writer, write.signals, putSignal);
      return;
    case "create":
      writer.put(CREATE, id, write.sessionId, write.owner.agent, write.owner.tenant, write.owner.user);
      putList(writer, write.events, putEvent);
      return;
    case "snapshot": {
      const { position, headHash, stateVersion, state } = write.snapshot;
      writer.put(SNAPSHOT, id, write.sessionId, position, stateVersion, state);
      writer.putBytes(headHash);
      return;
    }
    default:
      // Rare and small: not worth a layout of their own.
      writer.put(OTHER, id, JSON.stringify(write));
  }
};

export const takeWrites = (packed: Packed): NumberedWrite[] => {
  const reader = new Reader(packed);
  const writes: NumberedWrite[] = [];
  while (!reader.isAtEnd) {
    const code = reader.number();
    writes.push({ id: reader.number(), write: takeWrite(reader, code) });
  }
  return writes;
};

const takeWrite = (reader: CellReader, code: number): Write => {
  switch (code) {
    case COMMIT:
      return { kind: "commit", commit: takeCommit(reader) };
    case POST:
      return { kind: "post", signals: takeList(reader, takeSignal) };
    case CREATE:
      return {
        kind: "create",
        sessionId: reader.text(),
        owner: { agent: reader.text(), tenant: reader.maybeText(), user: reader.maybeText() },
        events: takeList(reader, takeEvent),
      };
    case SNAPSHOT: {
      const sessionId = reader.text();
      const position = reader.number();
      const stateVersion = reader.number();
      const state = reader.text();
      return {
        kind: "snapshot",
        sessionId,
        snapshot: { position, stateVersion, state, headHash: reader.bytes() },
      };
    }
    default:
      return JSON.parse(reader.text()) as Write;
  }
};

const putEvent = (writer: CellWriter, event: StoredEvent): void => {
  writer.put(event.position, event.header, event.payload);
  writer.putBytes(event.salt);
  writer.putBytes(event.hash);
};

const takeEvent = (reader: CellReader): StoredEvent => ({
  position: reader.number(),
  header: reader.text(),
  payload: reader.maybeText(),
  salt: reader.maybeBytes(),
  hash: reader.bytes(),
});

/** Events in the form that crosses between threads. */
export const packEvents = (events: readonly StoredEvent[]): Packed => {
  const writer = new CellWriter();
  putList(writer, events, putEvent);
  return writer.finish();
};

export const unpackEvents = (packed: Packed): StoredEvent[] => takeList(new Reader(packed), takeEvent);

const putCommit = (writer: CellWriter, commit: PlacedCommit): void => {
  const { expect, lease, summary } = commit;
  writer.put(commit.sessionId, expect.position, expect.epoch, expect.gate);
  writer.putBytes(expect.headHash);
  writer.put(lease.kind);
  if (lease.kind === "claim") writer.put(lease.holder, lease.ttlMs);
  writer.put(commit.wakeAt, summary.status, summary.waiting);
  writer.put((commit.isFenced ? 1 : 0) + (commit.mustSync ? 2 : 0));
  putList(writer, commit.events, putEvent);
  putList(writer, commit.blobs, putBlob);
  putList(writer, commit.consume, (to, id) => to.put(id));
  putList(writer, commit.post, putSignal);
  putList(writer, commit.duties, putDuty);
  putList(writer, commit.reserve, putReservation);
  putList(writer, commit.settle, putSettlement);
};

const takeCommit = (reader: CellReader): PlacedCommit => {
  const sessionId = reader.text();
  const expect = {
    position: reader.number(),
    epoch: reader.number(),
    gate: reader.number(),
    headHash: reader.bytes(),
  };
  const lease = takeLease(reader);
  const wakeAt = reader.maybeNumber();
  const summary = {
    status: reader.text() as SessionSummary["status"],
    waiting: reader.maybeText(),
  };
  const flags = reader.number();
  return {
    sessionId,
    expect,
    lease,
    wakeAt,
    summary,
    isFenced: (flags & 1) !== 0,
    mustSync: (flags & 2) !== 0,
    events: takeList(reader, takeEvent),
    blobs: takeList(reader, takeBlob),
    consume: takeList(reader, (from) => from.text()),
    post: takeList(reader, takeSignal),
    duties: takeList(reader, takeDuty),
    reserve: takeList(reader, takeReservation),
    settle: takeList(reader, takeSettlement),
  };
};

const takeLease = (reader: CellReader): LeaseChange => {
  const kind = reader.text();
  if (kind === "claim") return { kind, holder: reader.text(), ttlMs: reader.number() };
  return { kind: kind === "release" ? "release" : "keep" };
};

const putSignal = (writer: CellWriter, signal: PostedSignal): void => {
  writer.put(signal.sessionId, signal.kind, signal.dedupeKey, signal.runId, signal.body);
  const { fences, onlyIfIdle, onlyIfKnown } = signal;
  writer.put((fences === true ? 1 : 0) + (onlyIfIdle === true ? 2 : 0) + (onlyIfKnown === true ? 4 : 0));
  writer.putBytes(signal.salt);
  putList(writer, signal.blobs, putBlob);
};

const takeSignal = (reader: CellReader): PostedSignal => {
  const sessionId = reader.text();
  const kind = reader.text() as SignalKind;
  const dedupeKey = reader.maybeText();
  const runId = reader.maybeText();
  const body = reader.text();
  const flags = reader.number();
  return {
    sessionId,
    kind,
    dedupeKey,
    runId,
    body,
    fences: (flags & 1) !== 0,
    onlyIfIdle: (flags & 2) !== 0,
    onlyIfKnown: (flags & 4) !== 0,
    salt: reader.maybeBytes(),
    blobs: takeList(reader, takeBlob),
  };
};

const putBlob = (writer: CellWriter, blob: PlacedBlob): void => {
  writer.put(blob.digest);
  writer.putBytes(blob.bytes);
};

const takeBlob = (reader: CellReader): PlacedBlob => ({
  digest: reader.text(),
  bytes: reader.maybeBytes(),
});

const putDuty = (writer: CellWriter, duty: NewDuty): void => {
  const { kind, id, assignee, tenant, lane, place, dueAt, body } = duty;
  writer.put(kind, id, assignee, tenant, lane, place, dueAt, body);
};

const takeDuty = (reader: CellReader): NewDuty => ({
  kind: reader.text() as DutyKind,
  id: reader.text(),
  assignee: reader.text(),
  tenant: reader.maybeText(),
  lane: reader.maybeText(),
  place: reader.number(),
  dueAt: reader.maybeNumber(),
  body: reader.text(),
});

const putReservation = (writer: CellWriter, item: Reservation): void =>
  writer.put(item.id, item.account, item.amount, item.limit);

const takeReservation = (reader: CellReader): Reservation => ({
  id: reader.text(),
  account: reader.text(),
  amount: reader.number(),
  limit: reader.number(),
});

const putSettlement = (writer: CellWriter, item: Settlement): void =>
  writer.put(item.id, item.account, item.amount);

const takeSettlement = (reader: CellReader): Settlement => ({
  id: reader.text(),
  account: reader.text(),
  amount: reader.number(),
});
