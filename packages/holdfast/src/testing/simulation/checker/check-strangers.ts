import { DAMAGE_MARK } from "../../simulation/misread.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** Nobody goes on from what was damaged when it was read, and no model hears of it (J4). */
export const checkDamage = ({ sessionId, models, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "J4");
  if (whole.actedOnDamage === undefined) return [];
  const acted = whole.actedOnDamage
    .filter((one) => one.sessionId === sessionId)
    .map(({ by, position }) =>
      say("acted-on-damage", position, `${by} had read something else than was written`),
    );
  const told = models
    .filter(({ prompt }) => JSON.stringify(prompt).includes(DAMAGE_MARK))
    .map(({ durable }) => say("damage-told", durable, "a model was told what nobody had said"));
  return [...acted, ...told];
};

/** Most that one who cannot read a session may look at it in two minutes, by all processes together (S1). */
const MOST_LOOKS = 30;

/** Somebody may have begun to look at it before the later version came, and try once. */
const MOST_TRIES = 1;

/** What a later version has written is the end of a session for who does not know it; and it is not looked at all the time (S1, S6). */
export const checkStrangers = ({ sessionId, whole }: SessionHistory): readonly Violation[] =>
  (whole.strangers ?? [])
    .filter((one) => one.sessionId === sessionId)
    .flatMap(({ wrote, end, foundEnd = end, looks = 0, tries = 0 }) => [
      ...(foundEnd > end
        ? [finder(sessionId, "S6")("worked-past-later", foundEnd, `after a later version wrote its ${wrote}`)]
        : []),
      ...(looks > MOST_LOOKS
        ? [finder(sessionId, "S1")("looked-too-often", end, `it was looked at ${looks} times in two minutes`)]
        : []),
      ...(tries > MOST_TRIES
        ? [finder(sessionId, "S6")("tried-past-later", end, `${tries} tried to write after its ${wrote}`)]
        : []),
    ]);
