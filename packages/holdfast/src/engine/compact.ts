import { charsIn } from "../core/chars.ts";
import { summaryLinesIn } from "../core/settle-summary-call.ts";
import { summarise, summaryPayload, type Gone } from "../core/summary.ts";
import { summaryRoom, type Compaction } from "../core/window.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";

/** Journals that the window is made shorter, and the summary of what leaves it. */
export const compactContext = async (
  session: ActiveSession,
  batch: Batch,
  { shortened, dropped }: Compaction,
): Promise<void> => {
  const { state } = batch;
  const room = dropped === 0 ? 0 : summaryRoom(state, dropped);
  const bounds = { room, pinned: pinnedIn(session), told: await toldBy(session, batch, dropped) };
  const summary = room === 0 ? null : summarise(await goneOf(session, batch, dropped), bounds);
  batch.add({
    header: {
      type: "context.compacted",
      dropped,
      shortened: shortened.length === 0 ? null : shortened,
      summaryChars: summary === null ? 0 : charsIn(summary.text),
    },
    payload: summary === null ? null : summaryPayload(summary),
  });
};

/** What a model has made of it, where one was asked: as it is stored now, for it may have been erased meanwhile (J4). */
const toldBy = async (
  { content }: ActiveSession,
  { state: { run }, events }: Batch,
  dropped: number,
): Promise<readonly string[]> => {
  const { summary } = run ?? { summary: null };
  // guard E6: a summary is of what leaves the window, and of nothing else
  if (summary === null || summary.at === null || summary.dropped !== dropped) return [];
  const { at } = summary;
  const event = events.find(({ position }) => position === at) ?? (await content.storedAt([at])).get(at);
  return summaryLinesIn(event?.payload ?? null);
};

/** What leaves the window: the input of the open run stays. Some of it may be in no store yet. */
export const goneOf = async (
  { content }: ActiveSession,
  { state: { window, run }, events }: Pick<Batch, "state" | "events">,
  dropped: number,
): Promise<readonly Gone[]> => {
  const input = window.findIndex(({ kind, at }) => kind === "input" && at === run?.inputAt);
  const gone = window.slice(0, dropped).filter((_, index) => index !== input);
  const fresh = new Map(events.map((event) => [event.position, event]));
  const read = await content.storedAt(gone.flatMap(({ at }) => (fresh.has(at) ? [] : [at])));
  return gone.flatMap((entry, index): readonly Gone[] => {
    const { at, kind, isShortened = false, madeIn } = entry;
    const event = fresh.get(at) ?? read.get(at);
    if (event === undefined) return [];
    // E5: whose it is says the window: an input may have waited while another run was open
    const isSaidInRun = input !== -1 && index >= input;
    const isOfRun = kind === "summary" ? madeIn === run?.acceptedAt : isSaidInRun;
    return [{ event, isOfRun, isTakenBack: kind === "summary" && isShortened }];
  });
};

const pinnedIn = ({ agent }: ActiveSession): ReadonlySet<string> =>
  new Set([...agent.tools.values()].flatMap(({ name, isPinned }) => (isPinned === true ? [name] : [])));
