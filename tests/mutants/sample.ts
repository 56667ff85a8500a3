import { createHash } from "node:crypto";

/** So many of them, the same for the same draw, whatever else there is. */
export const sampleOf = <One extends { readonly id: string }>(
  all: readonly One[],
  count: number,
  draw: string,
): readonly One[] => {
  const lot = ({ id }: One): string => createHash("sha256").update(`${draw}\n${id}`).digest("hex");
  const drawn = new Set(
    all
      .map((one) => ({ one, lot: lot(one) }))
      .toSorted((left, right) => (left.lot < right.lot ? -1 : 1))
      .slice(0, count)
      .map(({ one }) => one),
  );
  return all.filter((one) => drawn.has(one));
};
