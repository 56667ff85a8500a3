/** Puts what some benches measured anew into results that were written before. */

const HEAD = /^## /m;

/** `## ` sections in their order, and what stands before the first. */
const sectionsOf = (text) => {
  const [before, ...rest] = text.split(HEAD);
  const sections = rest.map((section) => {
    const [heading, ...lines] = section.split("\n");
    return { heading: heading.trim(), body: lines.join("\n").trim() };
  });
  return { before: before.trim(), sections };
};

const textOf = ({ before, sections }) =>
  `${[before, ...sections.map(({ heading, body }) => `## ${heading}\n\n${body}`)].join("\n\n")}\n`;

/** The name that a row of the table of targets goes by, or a note: what was to be reached. */
const whatOf = (line) => line.replace(/^[|#\s]+/, "").split(/ \| |: [≥≤] /)[0];

const isRow = (line) => line.startsWith("| ") && !line.startsWith("| what |") && !line.startsWith("| --- |");

/** Rows by the order of `order`; those of `fresh` take the place of older ones. */
const mergeRows = (old, fresh, order) => {
  const rows = new Map(
    [...old.split("\n"), ...fresh.split("\n")].filter(isRow).map((row) => [whatOf(row), row]),
  );
  const head = fresh.split("\n").filter((line) => line.startsWith("| what |") || line.startsWith("| --- |"));
  const kept = order.filter((what) => rows.has(what)).map((what) => rows.get(what));
  const reached = kept.filter((row) => row.includes("| reached |")).length;
  return `${reached} of ${kept.length} reached. \`npm run bench -- BENCH\` runs one bench alone.\n\n${[...head, ...kept].join("\n")}`;
};

const notesOf = (body) =>
  new Map(
    body
      .split(/^### /m)
      .slice(1)
      .map((note) => [whatOf(note.split("\n")[0]), `### ${note.trim()}`]),
  );

/** Notes of targets that were measured anew are taken from `fresh` alone: what is reached now has none. */
const mergeNotes = (old, fresh, { order, anew }) => {
  const notes = new Map([...[...notesOf(old)].filter(([what]) => !anew.has(what)), ...notesOf(fresh)]);
  return order
    .filter((what) => notes.has(what))
    .map((what) => notes.get(what))
    .join("\n\n");
};

const TARGETS = "Targets";
const NOTES = "What was not reached, why, and what was tried";
const MACHINE = "Machine";

/**
 * The results `old` with what stands in `fresh` in its place. `order` has what was to be reached, of all benches;
 * `stamp` says when and how the fresh sections were measured, for the rest of the page tells of another day.
 */
export const mergeResults = (old, fresh, { order, stamp }) => {
  const before = sectionsOf(old);
  const after = sectionsOf(fresh);
  const bodyOf = (from, heading) => from.sections.find((each) => each.heading === heading)?.body ?? "";
  const anew = new Set(bodyOf(after, TARGETS).split("\n").filter(isRow).map(whatOf));
  const merged = new Map(before.sections.map(({ heading, body }) => [heading, body]));
  merged.set(TARGETS, mergeRows(bodyOf(before, TARGETS), bodyOf(after, TARGETS), order));
  merged.set(NOTES, mergeNotes(bodyOf(before, NOTES), bodyOf(after, NOTES), { order, anew }));
  for (const { heading, body } of after.sections) {
    if (heading !== TARGETS && heading !== NOTES && heading !== MACHINE)
      merged.set(heading, `${stamp}\n\n${body}`);
  }
  return textOf({
    before: before.before,
    sections: [...merged].map(([heading, body]) => ({ heading, body })),
  });
};
