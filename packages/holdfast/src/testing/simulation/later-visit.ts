import type { SessionId } from "../../core/ids.ts";
import { sha256 } from "../../runtime/index.ts";
import type { Booted } from "./booted.ts";
import { inTime, LATER, writeAsLater } from "./newer-writer.ts";
import type { Simulation } from "./simulation.ts";

/** Who had begun to work it before that has noticed by then. */
const AT_WORK_MS = 10_000;
/** So long it is looked what the others make of it. */
const LOOK_MS = 120_000;

/** A later version writes in a session that is at rest; whoever does not know of it goes on talking to it. */
export const visitAsLater = async (sim: Simulation, sessionId: SessionId): Promise<void> => {
  const { chaos, clock, ledger, random } = sim;
  chaos.struck("newer-writer", sessionId);
  sim.say(`later version in ${sessionId}`);
  sim.leftAt = clock.monotonicMs();
  const later = random.pick(LATER);
  ledger.stranger = { sessionId, wrote: later, after: 0, end: 0 };
  const attach = (version?: number) => sim.attach(version);
  const stranger = await inTime(clock, writeAsLater(sessionId, later, { attach, sha256, now: clock.now() }));
  ledger.stranger = stranger;
  if (stranger === null) return;
  const looksBefore = ledger.looks.get(sessionId) ?? 0;
  sim.announce([sessionId]);
  await clock.advance(AT_WORK_MS);
  const refusedBefore = ledger.vain.length;
  for (const booted of sim.living) void talkTo(booted, sessionId).catch(() => undefined);
  await clock.advance(LOOK_MS);
  const foundEnd = (await sim.readStored(sessionId)).length;
  const looks = (ledger.looks.get(sessionId) ?? 0) - looksBefore;
  const tries = ledger.vain
    .slice(refusedBefore)
    .filter(({ why, ...one }) => one.sessionId === sessionId && why === "reader").length;
  ledger.stranger = { ...stranger, foundEnd, looks, tries };
};

const talkTo = async ({ runtime }: Booted, sessionId: SessionId): Promise<void> => {
  const session = await runtime.getSession(sessionId);
  await session.send("and then this");
};
