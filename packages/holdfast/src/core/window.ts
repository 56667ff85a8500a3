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
  const openInput = window.findIndex((entry) => entry.kind === "input" && entry.at === run.acceptedAt);
  let best = 0;
  let kept = windowChars;
  for (const [index, entry] of window.entries()) {
    if (index > 0 && mayCutBefore(entry, index, openInput)) {
      best = index;
      if (kept <= target) return best;
    }
    kept -= entry.chars;
  }
  return best;
};

const mayCutBefore = (entry: WindowEntry, index: number, openInput: number): boolean => {
  if (entry.kind === "input") return index <= openInput;
  // Dropping only the open run's own input would bring it straight back.
  return entry.kind === "answer" && index > openInput && !(openInput === 0 && index === 1);
};
