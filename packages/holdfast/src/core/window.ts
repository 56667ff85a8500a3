import { SHORTENED_CHARS } from "./shortened.ts";
import type { Position } from "./ids.ts";
import { TOLD_IN_FULL } from "./summary.ts";
import { candidateOf, type OpenRun, type SessionState, type WindowEntry } from "./session-state.ts";
import { mostTokensOf } from "./token-gauge.ts";

/** When the window overflows it is brought to this share, so that prompts keep their prefix for a while. */
const SHARE_KEPT = 0.5;

/** Turns whose results are left as they are for as long as there are older ones: the model is at work with them. */
const FRESH_TURNS = 2;

/** What it pays to shorten: a result that is longer than what takes its place by as much again. */
const LEAST_SHORTENED = 2 * SHORTENED_CHARS;

/** What is to become of the window: results that are cut to their head, and the number of oldest entries that go. */
export type Compaction = { readonly shortened: readonly Position[]; readonly dropped: number };

/**
 * What has to become of the window before the next model call, or null where it may stay as it is (E6). Cheap first:
 * results of older turns are cut to their head; then whole turns go, the oldest first, earlier runs before turns of the open
 * one; then results of the last turns are cut as well, the longest first. A tool call is never parted from its result, and
 * the input of the open run always stays.
 */
export const planCompaction = (state: SessionState): Compaction | null => {
  const { run, window, windowChars } = state;
  if (run === null) return null;
  const allowed = charsAllowed(state, run);
  if (windowChars <= allowed && !run.mustCompact) return null;
  const most = Math.min(allowed, windowChars);
  const target = most * SHARE_KEPT;
  const stale = shorten(window, staleResults(window));
  const dropped = sumOf(stale) <= target ? 0 : cutTo(state, stale, target);
  const kept = keptOf(state, stale, dropped);
  // What the provider refused has to become shorter in any case.
  const limit = dropped > 0 ? most - summaryRoom(state, dropped) : run.mustCompact ? target : most;
  const fitting = shortenLongest(kept, limit);
  const short = shortAlready(window);
  const shortened = fitting.flatMap(({ at, kind, isShortened }) =>
    kind === "result" && isShortened === true && !short.has(at) ? [at] : [],
  );
  return dropped > 0 || shortened.length > 0 ? { shortened, dropped } : null;
};

/** How long the window may be: of tokens too many, so many characters fewer. */
const charsAllowed = (state: SessionState, run: OpenRun): number => {
  const { maxWindowChars, maxPromptTokens } = run.settings;
  if (maxPromptTokens === null) return maxWindowChars;
  const { provider, modelId } = candidateOf(run, run.phase.kind === "ready" ? run.phase.candidate : 0);
  const tokens = mostTokensOf(state, `${provider}/${modelId}`);
  // guard E6: a prompt has so many tokens
  if (tokens <= maxPromptTokens) return maxWindowChars;
  return Math.min(maxWindowChars, Math.floor((state.windowChars * maxPromptTokens) / tokens));
};

/** The window after a compaction; a summary of so many characters takes the place of what went. */
export const compactWindow = (
  state: SessionState,
  { shortened, dropped }: Compaction,
  summary: WindowEntry | null,
): readonly WindowEntry[] => {
  const kept = keptOf(state, shorten(state.window, new Set(shortened)), dropped);
  return summary === null ? kept : [summary, ...kept];
};

/** Whether this compaction leaves whole turns and the open run's input, and makes the window shorter. */
export const mayCompact = (
  state: SessionState,
  { shortened, dropped, summaryChars }: Compaction & { readonly summaryChars: number },
): boolean => {
  if (dropped === 0 && shortened.length === 0) return false;
  if (dropped !== 0 && !mayCutAt(state, dropped)) return false;
  const room = dropped === 0 ? 0 : summaryRoom(state, dropped);
  const isCount = Number.isInteger(summaryChars) && summaryChars >= 0;
  if (!isCount || /* guard E6: a summary is shorter than what it stands for */ summaryChars > room)
    return false;
  const open = new Set(
    state.window
      .slice(dropped)
      .filter(mayBeShortened)
      .map(({ at }) => at),
  );
  return new Set(shortened).size === shortened.length && shortened.every((at) => open.has(at));
};

/** How much there is to be told of what leaves the window, in characters: a result that was cut is told at some length again. */
export const charsGone = ({ window }: SessionState, dropped: number): number =>
  window.slice(0, dropped).reduce((sum, entry) => sum + weightIn(entry), 0);

/** Its position, and what it is. */
const AROUND_LINE = 80;

const weightIn = ({ kind, chars, isShortened }: WindowEntry): number => {
  if (kind === "summary") return chars;
  const most = 2 * (kind === "result" ? TOLD_IN_FULL.result : TOLD_IN_FULL.input);
  // Of a result that was cut the model is told more than its head.
  return AROUND_LINE + (isShortened === true ? most : Math.min(chars, most));
};

/** Whether a model may sum up so many of the oldest entries: as many as may go, and leave room for what it writes. */
export const maySumUp = (state: SessionState, dropped: number): boolean =>
  mayCutAt(state, dropped) && summaryRoom(state, dropped) >= LEAST_FOR_MODEL;

/** Whether dropping this many of the oldest entries leaves whole turns, and the open run's input. */
const mayCutAt = (state: SessionState, dropped: number): boolean => {
  const entry = state.window[dropped];
  return entry !== undefined && mayCutBefore(entry, dropped, placesOf(state));
};

/** Longest summary, in characters; a tenth of the window and half of what it stands for are the other bounds. */
const MAX_SUMMARY_CHARS = 8_000;
/** A summary of less says nothing. */
const LEAST_SUMMARY_CHARS = 200;
/** For less than this no model is asked. */
const LEAST_FOR_MODEL = 600;

/** How long a summary of that many of the oldest entries may be; 0 where none is to be made. */
export const summaryRoom = ({ run, window }: SessionState, dropped: number): number => {
  const most = run?.settings.maxWindowChars ?? 0;
  const gone = sumOf(window.slice(0, dropped).filter(({ at }) => at !== run?.inputAt));
  const room = Math.floor(Math.min(MAX_SUMMARY_CHARS, most / 10, gone / 2));
  return room < LEAST_SUMMARY_CHARS ? 0 : room;
};

const sumOf = (window: readonly WindowEntry[]): number => window.reduce((sum, entry) => sum + entry.chars, 0);

const shortAlready = (window: readonly WindowEntry[]): ReadonlySet<Position> =>
  new Set(window.flatMap(({ at, isShortened }) => (isShortened === true ? [at] : [])));

const mayBeShortened = ({ kind, chars, isShortened }: WindowEntry): boolean =>
  kind === "result" && isShortened !== true && chars > LEAST_SHORTENED;

/** Results of all turns but the last few. */
const staleResults = (window: readonly WindowEntry[]): ReadonlySet<Position> => {
  const answers = window.flatMap(({ kind }, index) => (kind === "answer" ? [index] : []));
  const fresh = answers.at(-FRESH_TURNS) ?? 0;
  return new Set(
    window
      .slice(0, fresh)
      .filter(mayBeShortened)
      .map(({ at }) => at),
  );
};

const shorten = (window: readonly WindowEntry[], positions: ReadonlySet<Position>): readonly WindowEntry[] =>
  positions.size === 0
    ? window
    : window.map((entry) =>
        entry.kind === "result" && positions.has(entry.at)
          ? { ...entry, chars: SHORTENED_CHARS, isShortened: true }
          : entry,
      );

/** Cuts results to their head, the longest first, until the rest fits or there is none left. */
const shortenLongest = (window: readonly WindowEntry[], limit: number): readonly WindowEntry[] => {
  let over = sumOf(window) - limit;
  const cut = new Set<Position>();
  const longest = window.filter(mayBeShortened).toSorted((left, right) => right.chars - left.chars);
  for (const { at, chars } of longest) {
    if (over <= 0) break;
    cut.add(at);
    over -= chars - SHORTENED_CHARS;
  }
  return shorten(window, cut);
};

/** What is left when so many of the oldest entries go: of those, the open run's input stays. */
const keptOf = (
  { run }: SessionState,
  window: readonly WindowEntry[],
  dropped: number,
): readonly WindowEntry[] => {
  const input = window.slice(0, dropped).find(({ kind, at }) => kind === "input" && at === run?.inputAt);
  const kept = window.slice(dropped);
  return input === undefined ? kept : /* guard E3: the question of the open run stays */ [input, ...kept];
};

/** How many of the oldest entries go so that the rest comes to no more than this, as far as whole turns allow. */
const cutTo = (state: SessionState, window: readonly WindowEntry[], target: number): number => {
  const places = placesOf(state);
  let best = 0;
  let kept = sumOf(window);
  for (const [index, entry] of window.entries()) {
    if (mayCutBefore(entry, index, places)) {
      best = index;
      if (kept <= target) return best;
    }
    // The open run's input stays whatever is cut, so it counts on either side of the cut.
    if (index !== places.input) kept -= entry.chars;
  }
  return best;
};

type Places = {
  /** Of the open run's input. */
  readonly input: number;
  /** Of what was said first: behind the summary, where there is one. */
  readonly first: number;
};

const placesOf = ({ run, window }: SessionState): Places => ({
  input: window.findIndex((entry) => entry.kind === "input" && entry.at === run?.inputAt),
  first: window[0]?.kind === "summary" ? 1 : 0,
});

const mayCutBefore = (entry: WindowEntry, index: number, { input, first }: Places): boolean => {
  // A summary alone would only be summed up again.
  if (entry.kind === "input") return index > first && index <= input;
  // Dropping only the open run's own input would bring it straight back.
  return (
    /* guard E3: a call is not parted from its result */ entry.kind === "answer" &&
    index > input &&
    !(input === first && index === first + 1)
  );
};
