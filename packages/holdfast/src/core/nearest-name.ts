const distance = (left: string, right: string): number => {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const change = left[row - 1] === right[column - 1] ? 0 : 1;
      const [insert, remove, replace] = [current[column - 1], previous[column], previous[column - 1]];
      current.push(Math.min((insert ?? 0) + 1, (remove ?? 0) + 1, (replace ?? 0) + change));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
};

const MAX_TYPOS = 3;

/** The known name that `name` is most likely a slip of; undefined when none is near. */
export const nearestName = (name: string, known: readonly string[]): string | undefined => {
  const ranked = known
    .map((candidate) => ({ candidate, typos: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((left, right) => left.typos - right.typos);
  const best = ranked[0];
  if (best === undefined || best.typos > Math.min(MAX_TYPOS, Math.ceil(name.length / 3))) return undefined;
  return best.candidate;
};
