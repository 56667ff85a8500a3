import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { live } from "./life.ts";
import type { LifeOrder } from "./order.ts";
import type { Counts } from "./planned-death.ts";
import { countCalls } from "./strace.ts";

/** The highest number that strace counts to; no life is that long. */
const NEVER = 65_535;

/** Where there is no strace nothing is counted, and every kill is one by the clock. */
const NO_COUNTS: Counts = { write: 0, sync: 0, send: 0, tell: 0, receive: 0, lock: 0, file: 0, any: 0 };

/** How long a life is that deaths are spread over. */
const LIFE_MS = 300;

type Place = { readonly root: string; readonly port: number };

/**
 * Two lives in one directory. The first ends well, and leaves its compiled modules behind for those that will
 * not. In the second, which is killed after a while, calls are counted, so that deaths can be spread over one.
 */
export const learnCounts = async (place: Place, mayTrace: boolean): Promise<Counts> => {
  const records = join(place.root, FOLDER);
  mkdirSync(records, { recursive: true });
  const first = await live({ order: orderOf(place, "visit"), death: null, records });
  const order = orderOf(place, "work");
  const death = mayTrace ? ({ kind: "any", nth: NEVER } as const) : null;
  if (first.trouble !== null) throw new Error(first.trouble);
  if (death === null) return NO_COUNTS;
  const { trouble } = await live({ order, death, records, keepsLog: true, worksAtMostMs: LIFE_MS });
  if (trouble !== null) throw new Error(trouble);
  return countCalls(join(records, `strace-${order.life}.log`));
};

const FOLDER = "learning";

const orderOf = ({ root, port }: Place, mode: LifeOrder["mode"]): LifeOrder => ({
  dataDir: join(root, FOLDER, "data"),
  port,
  folder: FOLDER,
  life: mode,
  mode,
  acknowledgementsTo: join(root, FOLDER, `acknowledged-${mode}.jsonl`),
  sessions: ["one", "two", "three", "four"].map((key) => ({ key, agent: "clerk" })),
  again: [],
  seen: {},
});
