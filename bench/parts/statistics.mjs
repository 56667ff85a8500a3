/** Medians and ranges, and how they are shown. */

export const median = (values) => {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const show = (value) => {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
};

/** "median (min–max)"; a single value stands alone. */
export const spread = (values) => {
  const middle = show(median(values));
  if (values.length === 1) return middle;
  return `${middle} (${show(Math.min(...values))}–${show(Math.max(...values))})`;
};

export const table = (head, rows) =>
  [head, head.map((_, index) => (index === 0 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");

/** The value that this share of them does not exceed: by rank, nothing is made up between two. */
export const percentile = (values, share) => {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
};
