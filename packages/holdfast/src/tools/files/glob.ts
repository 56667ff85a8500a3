/**
 * Whether a path fits a pattern: `*` stands for any letters of one name, `**` also for several names, `?` for one letter. A pattern
 * without `/` is about the name alone. It takes time in proportion to the path times the pattern, whatever they are.
 */
export const fitsGlob = (path: string, pattern: string): boolean => {
  const text = pattern.includes("/") ? path : (path.split("/").at(-1) ?? "");
  return fits(Array.from(text), tokensOf(pattern));
};

const tokensOf = (pattern: string): readonly string[] => pattern.match(/\*\*\/|\*\*|[^]/gu) ?? [];

/** Row by row: at which places of the text the pattern so far may have come to its end. */
const fits = (text: readonly string[], tokens: readonly string[]): boolean => {
  let ends: readonly boolean[] = Array.from({ length: text.length + 1 }, (_, at) => at === 0);
  for (const token of tokens) ends = afterToken(ends, text, token);
  return ends.at(-1) === true;
};

const afterToken = (ends: readonly boolean[], text: readonly string[], token: string): readonly boolean[] => {
  const next: boolean[] = [];
  let hasEnded = false;
  for (const [at, isEnd] of ends.entries()) {
    const letter = text[at - 1];
    const [before, longer] = [ends[at - 1] === true, next[at - 1] === true];
    if (token === "*") next.push(isEnd || (longer && letter !== "/"));
    else if (token === "**") next.push(isEnd || longer);
    // Any number of folders, none included.
    else if (token === "**/") next.push(isEnd || (letter === "/" && hasEnded));
    else next.push(before && (token === "?" ? letter !== "/" : letter === token));
    hasEnded ||= isEnd;
  }
  return next;
};
