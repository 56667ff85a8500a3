import { describe, expect, it } from "vitest";
import { journalStoreContract } from "../conformance/journal-store.ts";
import { SessionScript, sha256 } from "../conformance/session-script.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { createRandom } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedMachine } from "./simulated-machine.ts";

const setUp = (wait: () => Promise<void> = async () => undefined) => {
  const clock = createManualClock();
  const machine = new SimulatedMachine({ clock, sha256, wait });
  return { clock, machine };
};

describe("the store of a simulated machine keeps the contract of a journal store", () => {
  const contract = journalStoreContract({
    lacks: ["backup"],
    open: async () => {
      const { clock, machine } = setUp();
      const store = machine.attach();
      return {
        store,
        clock,
        attach: async (version) => machine.attach(version),
        reopen: async () => {
          machine.losePower(createRandom(1));
          return machine.attach();
        },
        dispose: async () => undefined,
      };
    },
  });
  for (const { promise, title, run } of contract) it(`${promise}: ${title}`, run);
});

describe("a simulated machine", () => {
  it("J1 answers nothing before the barrier is passed, and keeps what it answered", async () => {
    const { promise: barrier, resolve: pass } = Promise.withResolvers<void>();
    let isSlow = false;
    const { clock, machine } = setUp(() => (isSlow ? barrier : Promise.resolve()));
    const session = await new SessionScript(machine.attach(), clock).create();
    isSlow = true;
    let isAnswered = false;
    const commit = session.commit().then((answer) => {
      isAnswered = true;
      return answer;
    });
    await clock.settle();
    expect([isAnswered, (await machine.store.head(session.sessionId))?.position]).toEqual([false, 1]);
    pass();
    expect(await commit).toMatchObject({ status: "ok" });
    machine.losePower(createRandom(1));
    expect((await machine.store.head(session.sessionId))?.position).toBe(2);
  });

  it("C5 keeps what the next holder did, over a second power loss", async () => {
    const { clock, machine } = setUp();
    const first = machine.attach();
    const session = await new SessionScript(first, clock).create();
    const claim = (holder: string) => ({ lease: { kind: "claim", holder, ttlMs: 30_000 } }) as const;
    await session.mustCommit(claim(first.holderId));
    machine.losePower(createRandom(1));
    const second = machine.attach();
    // The first holder's lease has not run out; that its machine was gone has to be known the next time, too.
    await session.through(second).mustCommit(claim(second.holderId));
    machine.losePower(createRandom(2));
    expect(await machine.store.head(session.sessionId)).toMatchObject({ position: 3, epoch: 2 });
  });

  it("after a power loss has what was synced, and of the rest no more than a beginning", async () => {
    const kept = new Set<number>();
    for (let seed = 0; seed < 40; seed += 1) {
      const disk = new SimulatedDisk<number>(async () => undefined);
      disk.append(1);
      await disk.sync();
      for (const entry of [2, 3, 4]) disk.append(entry);
      expect(disk.unsafe).toBe(3);
      disk.losePower(createRandom(seed));
      const found = disk.recover();
      expect(found).toEqual([1, 2, 3, 4].slice(0, found.length));
      kept.add(found.length);
      disk.append(9);
      await disk.sync();
      disk.losePower(createRandom(seed));
      expect(disk.recover()).toEqual([...found, 9]);
    }
    expect([...kept].toSorted((left, right) => left - right)).toEqual([1, 2, 3, 4]);
  });

  it("never passes a barrier that the power did not outlast", async () => {
    const { promise: barrier, resolve: pass } = Promise.withResolvers<void>();
    const disk = new SimulatedDisk<number>(() => barrier);
    disk.append(1);
    let isPassed = false;
    void disk.sync().then(() => (isPassed = true));
    disk.losePower(createRandom(1));
    pass();
    await createManualClock().settle();
    expect(isPassed).toBe(false);
  });
});
