import { charsIn } from "../core/chars.ts";
import type { JournalEvent } from "../core/event.ts";
import { summarise, summaryPayload } from "../core/summary.ts";
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
  const openFrom = state.run?.inputAt ?? 0;
  const summary =
    room === 0
      ? null
      : summarise(await goneOf(session, batch, dropped), { room, openFrom, pinned: pinnedIn(session) });
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

/** What leaves the window: the input of the open run stays. Some of it may be in no store yet. */
const goneOf = async (
  { content }: ActiveSession,
  { state, events }: Batch,
  dropped: number,
): Promise<readonly JournalEvent[]> => {
  const gone = state.window.slice(0, dropped).filter(({ at }) => at !== state.run?.inputAt);
  const fresh = new Map(events.map((event) => [event.position, event]));
  const read = await content.eventsAt(gone.flatMap(({ at }) => (fresh.has(at) ? [] : [at])));
  return gone.flatMap(({ at }) => fresh.get(at) ?? read.get(at) ?? []);
};

const pinnedIn = ({ agent }: ActiveSession): ReadonlySet<string> =>
  new Set([...agent.tools.values()].flatMap(({ name, isPinned }) => (isPinned === true ? [name] : [])));
