import {
  defineAgent,
  defineTool,
  type AgentDefinition,
  type ModelChoice,
  type Outcome,
  type Run,
} from "holdfast";
import { z } from "zod";

/** Three systems of three other people. */
export type Shop = {
  readonly rooms: {
    book(night: string, key: string): Promise<{ readonly booking: string }>;
    /** May be asked as often as one likes: the second time there is nothing to cancel. */
    cancel(booking: string): Promise<void>;
    find(key: string): Promise<{ readonly booking: string } | undefined>;
  };
  readonly cards: {
    charge(cents: number, key: string): Promise<{ readonly charge: string }>;
    /** Pays back each time it is asked, so it is asked once. */
    refund(charge: string, key: string): Promise<void>;
    find(key: string): Promise<{ readonly charge: string } | undefined>;
  };
  readonly flights: { reserve(to: string): Promise<never> };
};

// #region tools
const bookRoom = defineTool<Shop>()({
  name: "book_room",
  description: "Books a room for a night.",
  inputSchema: z.object({ night: z.iso.date() }),
  effect: "write",
  execute: ({ night }, { deps, idempotencyKey }) => deps.rooms.book(night, idempotencyKey),
  verify: async (_, { deps, idempotencyKey }) => {
    const output = await deps.rooms.find(idempotencyKey);
    return output === undefined ? { status: "not-done" } : { status: "done", output };
  },
  // Cancelling twice does nothing more, so it may be tried until it works.
  undo: {
    effect: "idempotent",
    execute: ({ output }, { deps }) => deps.rooms.cancel(output.booking),
  },
});

const chargeCard = defineTool<Shop>()({
  name: "charge_card",
  description: "Charges the customer's card.",
  inputSchema: z.object({ cents: z.number().int().positive() }),
  effect: "write",
  execute: ({ cents }, { deps, idempotencyKey }) => deps.cards.charge(cents, idempotencyKey),
  verify: async (_, { deps, idempotencyKey }) => {
    const output = await deps.cards.find(idempotencyKey);
    return output === undefined ? { status: "not-done" } : { status: "done", output };
  },
  // Money that is paid back twice is gone: a write, which is never repeated blindly.
  undo: {
    effect: "write",
    execute: ({ output }, { deps, idempotencyKey }) => deps.cards.refund(output.charge, idempotencyKey),
    verify: async (_, { deps, idempotencyKey }) =>
      (await deps.cards.find(idempotencyKey)) === undefined
        ? { status: "not-done" }
        : { status: "done", output: null },
  },
});
// #endregion tools

const reserveFlight = defineTool<Shop>()({
  name: "reserve_flight",
  description: "Reserves a seat.",
  inputSchema: z.object({ to: z.string() }),
  effect: "write",
  execute: ({ to }, { deps }) => deps.flights.reserve(to),
});

// #region agent
export const defineTravel = (model: ModelChoice): AgentDefinition<string, Shop> =>
  defineAgent({
    name: "travel",
    model,
    instructions: "Book the room, charge the card, reserve the flight. All of it, or nothing.",
    tools: [bookRoom, chargeCard, reserveFlight],
    limits: { maxToolCalls: 3 },
    whenFailed: "undo", // the default
  });
// #endregion agent

// #region outcome
export const tell = (outcome: Outcome, say: (line: string) => void): void => {
  if (outcome.status !== "failed" && outcome.status !== "cancelled") return;
  for (const { tool } of outcome.undone) say(`${tool} was undone`);
  for (const { tool, reason } of outcome.notUndone) say(`${tool} still stands: ${reason}`);
};
// #endregion outcome

/** Somebody thinks better of it. */
export const takeBack = async (run: Run): Promise<Outcome> => {
  // #region rollback
  await run.cancel({ mode: "rollback", reason: "The customer changed their mind." });
  return await run.outcome({ until: "settled" });
  // #endregion rollback
};
