import { closeSync, openSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { chanceOf } from "./chance.ts";
import type { EffectRecord, EffectRequest, EffectState } from "./effect-record.ts";

/** Time it takes to do something, and to answer that it is done: both are worth dying in. */
const LONGEST_WORK_MS = 14;
const REFUSED = 0.06;
const ANSWER_LOST = 0.04;

/** The books of one data directory: what was done, in an append-only log that no process under test can reach. */
class Books {
  readonly #log: number;
  readonly #done = new Map<string, string>();
  readonly #underWay = new Map<string, number>();
  #receipts = 0;

  constructor(folder: string) {
    this.#log = openSync(join(folder, "effects.jsonl"), "a");
  }

  state(key: string): EffectState {
    return { receipt: this.#done.get(key) ?? null, isUnderWay: (this.#underWay.get(key) ?? 0) > 0 };
  }

  note(request: EffectRequest, what: EffectRecord["what"], receipt: string | null): void {
    const record: EffectRecord = { ...request, what, at: Date.now(), receipt };
    writeSync(this.#log, `${JSON.stringify(record)}\n`);
  }

  /** Does it. A `write` is done as often as it is asked for: nothing here hides a repetition. */
  async execute(request: EffectRequest): Promise<string | null> {
    const { idempotencyKey: key, attempt, effect } = request;
    this.note(request, "arrived", null);
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1);
    await sleep(3 + chanceOf(`${key}:${attempt}:work`) * LONGEST_WORK_MS);
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) - 1);
    const before = this.#done.get(key);
    if (before !== undefined && effect !== "write") {
      this.note(request, "repeated", before);
      return before;
    }
    if (attempt === 1 && chanceOf(`${key}:refused`) < REFUSED) {
      this.note(request, "refused", null);
      return null;
    }
    this.#receipts += 1;
    const receipt = `r${this.#receipts}.`;
    this.note(request, "executed", receipt);
    this.#done.set(key, receipt);
    return receipt;
  }

  close(): void {
    closeSync(this.#log);
  }
}

/**
 * A service that really does things, over HTTP: the outside world of the processes that are killed. The path
 * names the folder whose books are meant: `POST /execute/FOLDER`, `POST /state/FOLDER`, `POST /close/FOLDER`.
 */
export const createEffectService = (root: string): Server => {
  const books = new Map<string, Books>();
  const booksOf = (folder: string): Books => {
    const known = books.get(folder) ?? new Books(join(root, folder));
    books.set(folder, known);
    return known;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, what = "", folder = ""] = (request.url ?? "").split("/");
    const body = await text(request);
    if (what === "close") {
      books.get(folder)?.close();
      books.delete(folder);
      response.end("{}");
      return;
    }
    const asked = JSON.parse(body) as EffectRequest;
    const own = booksOf(folder);
    if (what === "state") {
      const state = own.state(asked.idempotencyKey);
      own.note(asked, "asked", state.receipt);
      response.end(JSON.stringify(state));
      return;
    }
    const receipt = await own.execute(asked);
    const chance = chanceOf(`${asked.idempotencyKey}:${asked.attempt}:answer`);
    await sleep(chance * LONGEST_WORK_MS);
    if (receipt === null) response.writeHead(503);
    if (chance < ANSWER_LOST) response.destroy();
    else response.end(JSON.stringify({ receipt }));
  };
  return createServer((request, response) => {
    // A caller that was killed in the middle of its request asked for nothing.
    answer(request, response).catch(() => response.destroy());
  });
};
