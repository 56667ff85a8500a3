import type { SessionId } from "../../core/ids.ts";
import type { CommitRequest, DueSession, JournalStore, LoadedSession } from "../../ports/journal-store.ts";
import type { Probe } from "./checker/history.ts";
import type { Random } from "./random.ts";

export type ProberParts = {
  /** A stranger's way to the store, of this version of the journal. */
  readonly attach: (version?: number) => JournalStore;
  readonly random: Random;
  readonly sessions: readonly SessionId[];
  /** Holders of which the store was told that they are gone. */
  readonly gone: ReadonlySet<string>;
  readonly note: (probe: Probe) => void;
  /** Sessions are those of tenants, and it matters whose turn it is. */
  readonly hasTenants: boolean;
};

/** A version that is older than any journal there is. */
const ANCIENT = 0;
const AGENTS = ["clerk"];
const ALL = 1_000;

type Case = {
  readonly store: JournalStore;
  readonly sessionId: SessionId;
  readonly loaded: LoadedSession;
  readonly note: ProberParts["note"];
};

/**
 * A stranger at the store, as a process is that lost its way: it asks for what the contract refuses (C3, C4, C12,
 * C14, C16), and whether what the store says of leases and of what is due fits together (C5, C10).
 */
export const probeStore = async (parts: ProberParts): Promise<void> => {
  const { random, attach, note } = parts;
  const sessionId = random.any(parts.sessions);
  if (sessionId === undefined) return;
  const isAncient = random.chance(0.35);
  const store = attach(isAncient ? ANCIENT : undefined);
  if (random.chance(0.4)) {
    await (isAncient ? askOfAncient(store, parts) : compareDue(store, parts));
    return;
  }
  const loaded = await store.load(sessionId);
  if (loaded === undefined) return;
  const about: Case = { store, sessionId, loaded, note };
  if (isAncient) await claim(about);
  else await random.pick([writeAsOlder, writeAfterAnother, leaveGap, keepForeign])(about);
};

/** To an older version nothing is due, ever (C16). */
const askOfAncient = async (store: JournalStore, { note, sessions }: ProberParts): Promise<void> => {
  const [due, wake] = await Promise.all([
    store.due({ agents: AGENTS, limit: ALL }),
    store.nextWake(AGENTS, []),
  ]);
  const sessionId = sessions[0] ?? "";
  const answer = { contract: "C16", sessionId, expected: "nothing" };
  note({
    ...answer,
    asked: "what is due to an older version",
    answered: namesOf(due).join(" ") || "nothing",
  });
  note({
    ...answer,
    asked: "when it is to look",
    answered: wake.session === null ? "nothing" : String(wake.session),
  });
};

/** Of so few, each is of another tenant as long as there is one. */
const takeTurns = (few: readonly DueSession[], all: readonly DueSession[], limit: number): boolean => {
  const tenants = new Set(all.map(({ tenant }) => tenant));
  const named = new Set(few.map(({ tenant }) => tenant));
  return few.length === Math.min(limit, all.length) && named.size === Math.min(limit, tenants.size);
};

const namesOf = (due: readonly DueSession[]): readonly SessionId[] => due.map(({ sessionId }) => sessionId);

/** What is due is held by nobody alive, and what the dead hold is due (C5, C10). All is asked in one moment. */
const compareDue = async (store: JournalStore, parts: ProberParts): Promise<void> => {
  const { sessions, gone, note } = parts;
  const [due, one, two, ...all] = await Promise.all([
    store.due({ agents: AGENTS, limit: ALL }),
    parts.hasTenants ? store.due({ agents: AGENTS, limit: 1 }) : [],
    parts.hasTenants ? store.due({ agents: AGENTS, limit: 2 }) : [],
    ...sessions.map((sessionId) => store.load(sessionId)),
  ]);
  if (parts.hasTenants)
    note({
      contract: "C10",
      sessionId: due[0]?.sessionId ?? "",
      asked: "do tenants take turns in what is due",
      expected: "yes",
      answered: takeTurns(one, due, 1) && takeTurns(two, due, 2) ? "yes" : "no",
    });
  all.forEach((loaded, index) => {
    const sessionId = sessions[index] ?? "";
    const lease = loaded?.lease ?? null;
    if (loaded === undefined || lease === null) return;
    const isGone = gone.has(lease.holder);
    const isDue = namesOf(due).includes(sessionId) ? "yes" : "no";
    if (isGone)
      note({
        contract: "C5",
        sessionId,
        asked: "is what the dead hold due",
        expected: "yes",
        answered: isDue,
      });
    else if (!lease.isHolderDead && lease.expiresAt > loaded.now)
      note({ contract: "C10", sessionId, asked: "is what is held due", expected: "no", answered: isDue });
  });
};

/** A commit at the end of a session that changes nothing. */
export const requestAt = ({
  sessionId,
  loaded: { head },
}: Pick<Case, "sessionId" | "loaded">): CommitRequest => ({
  sessionId,
  expect: { position: head.position, headHash: head.hash, epoch: head.epoch, gate: head.gate },
  lease: { kind: "keep" },
  wakeAt: null,
  events: [],
  isFenced: false,
  blobs: [],
  consume: [],
  post: [],
  duties: [],
  reserve: [],
  settle: [],
  summary: { status: "pending", waiting: null },
  mustSync: false,
});

const mustRefuse = async (
  { store, sessionId, note }: Case,
  [contract, asked]: readonly [string, string],
  request: CommitRequest,
): Promise<void> => {
  const { status } = await store.commit(request).catch(() => ({ status: "refused" }));
  note({ contract, sessionId, asked, expected: "refused", answered: status === "ok" ? "ok" : "refused" });
};

const writeAsOlder = (about: Case): Promise<void> => {
  const request = requestAt(about);
  const expect = { ...request.expect, epoch: request.expect.epoch - 1 };
  return mustRefuse(about, ["C4", "to write under an epoch that has passed"], { ...request, expect });
};

const writeAfterAnother = (about: Case): Promise<void> => {
  const request = requestAt(about);
  const expect = { ...request.expect, headHash: new Uint8Array(32) };
  return mustRefuse(about, ["C3", "to write after an event that is another"], { ...request, expect });
};

const leaveGap = (about: Case): Promise<void> => {
  const request = requestAt(about);
  const { head } = about.loaded;
  const event = { position: head.position + 2, header: "{}", payload: null, salt: null, hash: head.hash };
  return mustRefuse(about, ["C14", "to leave a position out"], { ...request, events: [event] });
};

const claim = (about: Case): Promise<void> => {
  const lease = { kind: "claim", holder: about.store.holderId, ttlMs: 1_000 } as const;
  return mustRefuse(about, ["C16", "to claim what a newer version has written"], {
    ...requestAt(about),
    lease,
  });
};

const keepForeign = async ({ store, sessionId, loaded, note }: Case): Promise<void> => {
  const headHash = new Uint8Array(32);
  const snapshot = { position: loaded.head.position, headHash, stateVersion: -1, state: "{}" };
  await store.saveSnapshot(sessionId, snapshot);
  const after = await store.load(sessionId);
  const answered = after?.snapshot?.stateVersion === -1 ? "kept" : "refused";
  note({ contract: "C12", sessionId, asked: "to keep another's snapshot", expected: "refused", answered });
};
