import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallLimits } from "../ports/call-limits.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { WaitingLine } from "./waiting-line.ts";

const limitsOf = (more: Partial<CallLimits>): CallLimits => ({
  name: "bank",
  maxConcurrent: null,
  rate: null,
  maxWaitMs: 3_600_000,
  per: null,
  ...more,
});

type Guest = { readonly comesAtMs: number; readonly staysMs: number; readonly leavesEarly: boolean };

/** Guests of a line, who come back when they were sent away, and note when they were let in. */
const play = async (limits: CallLimits, guests: readonly Guest[]) => {
  const clock = createManualClock();
  const line = new WaitingLine(limits, clock);
  const begun = clock.monotonicMs();
  const entered: { readonly guest: number; readonly at: number }[] = [];
  let inside = 0;
  let most = 0;
  const ask = (guest: number, { staysMs, leavesEarly }: Guest): void => {
    const ticket = String(guest);
    const turn = line.ask(ticket, { mayRefuse: true, wake: () => clock.startTimer(0, () => again()) });
    let isOver = false;
    const again = (): void => {
      if (!isOver && !entered.some((each) => each.guest === guest))
        ask(guest, { staysMs, leavesEarly } as Guest);
      isOver = true;
    };
    if (turn.kind === "steps-aside") {
      isOver = true;
      if (!leavesEarly) clock.startTimer(turn.forMs, () => ask(guest, { staysMs, leavesEarly } as Guest));
    }
    if (turn.kind !== "begins" || entered.some((each) => each.guest === guest)) return;
    entered.push({ guest, at: clock.monotonicMs() - begun });
    inside += 1;
    most = Math.max(most, inside);
    clock.startTimer(staysMs, () => {
      inside -= 1;
      line.leave(ticket);
    });
  };
  guests.forEach((guest, index) => clock.startTimer(guest.comesAtMs, () => ask(index, guest)));
  await clock.advance(3_600_000);
  return { entered, most, line, clock };
};

const aGuest = fc.record({
  comesAtMs: fc.integer({ min: 0, max: 20_000 }),
  staysMs: fc.integer({ min: 0, max: 9_000 }),
  leavesEarly: fc.boolean(),
});

describe("a waiting line", () => {
  it("E7 lets in no more at once and no more often than the limits say, and everybody in the end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.integer({ min: 1, max: 3 })),
        fc.option(
          fc.record({ calls: fc.integer({ min: 1, max: 4 }), perMs: fc.integer({ min: 1, max: 9_000 }) }),
        ),
        fc.array(aGuest, { maxLength: 25 }),
        async (maxConcurrent, rate, guests) => {
          const { entered, most, line, clock } = await play(limitsOf({ maxConcurrent, rate }), guests);
          if (maxConcurrent !== null) expect(most).toBeLessThanOrEqual(maxConcurrent);
          entered.forEach(({ at }, index) => {
            const before = rate === null ? undefined : entered[index - rate.calls];
            if (before !== undefined && rate !== null)
              expect(at - before.at).toBeGreaterThanOrEqual(rate.perMs);
          });
          const served = new Set(entered.map(({ guest }) => guest));
          expect(served.size).toBe(entered.length);
          guests.forEach(({ leavesEarly }, guest) => {
            if (!leavesEarly) expect(served.has(guest)).toBe(true);
          });
          // guests that never came back are forgotten, and nothing of the rest is kept
          expect(line.isIdle()).toBe(true);
          expect(clock.pendingTimers).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("E7 lets in first who came first, also when it had stepped aside", async () => {
    const clock = createManualClock();
    const line = new WaitingLine(limitsOf({ maxConcurrent: 1 }), clock);
    const woken: string[] = [];
    const ask = (ticket: string) =>
      line.ask(ticket, { mayRefuse: true, wake: () => woken.push(ticket) }).kind;
    expect(ask("inside")).toBe("begins");
    expect(ask("first")).toBe("waits");
    await clock.advance(5_000);
    expect(ask("first")).toBe("steps-aside");
    expect(ask("second")).toBe("waits");
    expect(ask("first")).toBe("waits");
    woken.length = 0;
    line.leave("inside");
    expect(woken).toEqual(["first"]);
    expect(ask("first")).toBe("begins");
    expect(ask("second")).toBe("waits");
    line.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("E7 keeps the place of who gives way, inside or before it, and does not count that time", async () => {
    const clock = createManualClock();
    const line = new WaitingLine(limitsOf({ maxConcurrent: 1, maxWaitMs: 4_000 }), clock);
    const ask = (ticket: string) => line.ask(ticket, { mayRefuse: true, wake: () => undefined }).kind;
    expect([ask("inside"), ask("first"), ask("second")]).toEqual(["begins", "waits", "waits"]);
    line.giveWay("first");
    line.leave("inside");
    expect(ask("second")).toBe("begins");
    expect([ask("third"), ask("first")]).toEqual(["waits", "waits"]);
    line.leave("second");
    line.giveWay("first");
    expect([ask("third"), ask("fourth")]).toEqual(["begins", "waits"]);
    await clock.advance(3_000);
    line.leave("third");
    line.giveWay("fourth");
    await clock.advance(10_000);
    expect(ask("first")).toBe("begins");
    expect(ask("fourth")).toBe("waits");
    await clock.advance(4_000);
    expect(ask("fourth")).toBe("waited-too-long");
    line.leave("first");
    expect(line.isIdle()).toBe(true);
    line.close();
  });

  it("E7 refuses who has waited for as long as is said, and not who may not be refused", async () => {
    const clock = createManualClock();
    const line = new WaitingLine(limitsOf({ maxConcurrent: 1, maxWaitMs: 2_000 }), clock);
    const woken: string[] = [];
    const ask = (ticket: string, mayRefuse = true) =>
      line.ask(ticket, { mayRefuse, wake: () => woken.push(ticket) }).kind;
    ask("inside");
    expect([ask("one"), ask("patient", false)]).toEqual(["waits", "waits"]);
    await clock.advance(2_000);
    expect(woken).toEqual(["one"]);
    expect([ask("one"), ask("patient", false)]).toEqual(["waited-too-long", "waits"]);
    line.close();
  });

  it("S3 holds ten thousand that wait without a second look at each of them", () => {
    const clock = createManualClock();
    const line = new WaitingLine(limitsOf({ maxConcurrent: 1 }), clock);
    const wake = (): void => undefined;
    for (let index = 0; index < 10_000; index += 1) line.ask(String(index), { mayRefuse: true, wake });
    for (let index = 0; index < 10_000; index += 1) line.leave(String(index));
    expect(line.isIdle()).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
