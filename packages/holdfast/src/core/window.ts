import type { SessionState, WindowEntry } from "./session-state.ts";

/** When the window overflows it is cut to this share, so that prompts keep their prefix for a while. */
const SHARE_KEPT = 0.5;

/**
 * How many of the oldest window entries to drop before the next model call; 0 for none.
 * Cuts only between whole turns: a tool call is never parted from its result. Earlier runs go as
 * wholes; of the open run the input always stays.
 */
export const windowCut = (state: SessionState): number => {
  const { run, window, windowChars } = state;
  if (run === null) return 0;
  const { maxWindowChars } = run.settings;
  if (windowChars <= maxWindowChars && !run.mustCompact) return 0;
  const target = Math.min(maxWindowChars, windowChars) * SHARE_KEPT;
  const openInput = indexOfOpenInput(state);
  let best = 0;
  let kept = windowChars;
  for (const [index, entry] of window.entries()) {
    if (mayCutBefore(entry, index, openInput)) {
      best = index;
      if (kept <= target) return best;
    }
    // The open run's input stays whatever is cut, so it counts on either side of the cut.
    if (index !== openInput) kept -= entry.chars;
  }
  return best;
};

/** Whether dropping this many of the oldest entries leaves whole turns, and the open run's input. */
export const mayCutAt = (state: SessionState, dropped: number): boolean => {
  const entry = state.window[dropped];
  return entry !== undefined && mayCutBefore(entry, dropped, indexOfOpenInput(state));
};

const indexOfOpenInput = ({ run, window }: SessionState): number =>
  window.findIndex((entry) => entry.kind === "input" && entry.at === run?.inputAt);

const mayCutBefore = (entry: WindowEntry, index: number, openInput: number): boolean => {
  if (entry.kind === "input") return index > 0 && index <= openInput;
  // Dropping only the open run's own input would bring it straight back.
  return (
    /* guard E3: a call is not parted from its result */ entry.kind === "answer" &&
    index > openInput &&
    !(openInput === 0 && index === 1)
  );
};
