/** The order of docs/undo.md: its third step fails, and the first two are undone, with a death in between. */
import { ToolError } from "holdfast";
import { createTestRuntime, scriptedModel } from "holdfast/testing";
import { expect, test } from "vitest";
import { defineTravel, takeBack, tell, type Shop } from "./undo.ts";

const STEPS = [
  { name: "book_room", input: { night: "2026-08-01" } },
  { name: "charge_card", input: { cents: 12_000 } },
  { name: "reserve_flight", input: { to: "Lisbon" } },
] as const;

/** One step after the other; the last again and again, until it may no more. */
const model = () =>
  scriptedModel(({ messages }) => {
    const turns = messages.filter(({ role }) => role === "assistant").length;
    return { toolCalls: [STEPS[turns] ?? STEPS[2]] };
  });

type World = { readonly log: string[]; after: (what: string) => void };

/** Systems that keep their own log. */
const openShop = (world: World): Shop => {
  const made = new Map<string, string>();
  const act = async (what: string, key: string): Promise<string> => {
    world.log.push(what);
    made.set(key, what);
    world.after(what);
    return what;
  };
  const find = async (key: string): Promise<string | undefined> => made.get(key);
  return {
    rooms: {
      book: async (night, key) => ({ booking: await act(`book ${night}`, key) }),
      cancel: async (booking) => void (await act(`cancel ${booking}`, booking)),
      find: async (key) => {
        const booking = await find(key);
        return booking === undefined ? undefined : { booking };
      },
    },
    cards: {
      charge: async (cents, key) => ({ charge: await act(`charge ${cents}`, key) }),
      refund: async (charge, key) => void (await act(`refund ${charge}`, key)),
      find: async (key) => {
        const charge = await find(key);
        return charge === undefined ? undefined : { charge };
      },
    },
    flights: {
      reserve: () => {
        throw new ToolError("No seat is left.", { executed: false, retryable: false });
      },
    },
  };
};

const UNDONE = ["book 2026-08-01", "charge 12000", "refund charge 12000", "cancel book 2026-08-01"];

test("E10 docs/undo.md: what was done is undone, the last first", async () => {
  const world: World = { log: [], after: () => undefined };
  const play = await createTestRuntime({
    agents: [defineTravel(model())],
    deps: openShop(world),
  });
  const session = await play.runtime.createSession("travel");
  const run = await session.send("Lisbon, first of August.");
  await play.advanceTime(60_000);
  const outcome = await run.outcome();
  expect(outcome).toMatchObject({ status: "failed", failure: { code: "RUN_MAX_TOOL_CALLS" } });
  expect(world.log).toEqual(UNDONE);
  const lines: string[] = [];
  tell(outcome, (line) => void lines.push(line));
  expect(lines).toEqual(["charge_card was undone", "book_room was undone"]);
});

test("E10 E1 docs/undo.md: a process that dies between two of them refunds once", async () => {
  const world: World = { log: [], after: () => undefined };
  const first = await createTestRuntime({ agents: [defineTravel(model())], deps: openShop(world) });
  world.after = (what) => {
    if (what.startsWith("refund")) first.crashAfter(0); // the money is back, and the process is gone
  };
  const session = await first.runtime.createSession("travel");
  const { id } = await session.send("Lisbon, first of August.");
  await first.advanceTime(60_000);
  expect(first.hasCrashed).toBe(true);

  const second = await first.restart();
  await second.advanceTime(120_000);
  const run = await second.runtime.getRun(id);
  expect(await run.outcome()).toMatchObject({ status: "failed", notUndone: [] });
  expect(world.log).toEqual(UNDONE);
  await second.close();
});

test("E10 docs/undo.md: a run that is rolled back is undone", async () => {
  const world: World = { log: [], after: () => undefined };
  const slow = scriptedModel(({ toolResults }) =>
    toolResults.length === 0 ? { toolCalls: [STEPS[0]] } : { hang: true },
  );
  const play = await createTestRuntime({
    agents: [defineTravel(slow)],
    deps: openShop(world),
  });
  const run = await (await play.runtime.createSession("travel")).send("Lisbon.");
  await play.advanceTime(1_000);
  const taken = takeBack(run);
  await play.advanceTime(5_000);
  expect(await taken).toMatchObject({ status: "cancelled", undone: [{ tool: "book_room" }] });
  expect(world.log).toEqual(["book 2026-08-01", "cancel book 2026-08-01"]);
});
