/** A name as the driver writes it: as JSON, or as it is where it begins and ends with `/`. */
const JSON_NAME = String.raw`"(?:\\.|[^"\\])*"`;
const ATTRIBUTES = String.raw`((?: \[[^\]"']*\])*)`;
/** What stands for an element at the beginning of a line, up to its colon; in quotes where there is a colon in it. */
const PLAIN = new RegExp(String.raw`^\s*- [\w-]+(?: (?:${JSON_NAME}|/(?:(?!: ).)*/))?${ATTRIBUTES}(?=:|$)`);
const QUOTED = new RegExp(
  String.raw`^\s*- '[\w-]+(?: (?:${JSON_NAME}|/(?:''|[^'])*/))?${ATTRIBUTES}'(?=:|$)`,
);

/** What is not the driver's own cannot be taken for a reference any more. */
export const withoutRefs = (text: string): string => text.replaceAll("[ref=", "(ref=");

/**
 * A view of a page in which nothing has the form of a reference but those of the driver: what a page says, or strangers say on it,
 * could show one element under the name of another.
 */
export const withOwnRefs = (snapshot: string): string => snapshot.split("\n").map(lineWithOwnRefs).join("\n");

const lineWithOwnRefs = (line: string): string => {
  const found = QUOTED.exec(line) ?? PLAIN.exec(line);
  if (found === null) return withoutRefs(line);
  const [whole, attributes = ""] = found;
  const end = whole.endsWith("'") ? whole.length - 1 : whole.length;
  return withoutRefs(line.slice(0, end - attributes.length)) + attributes + withoutRefs(line.slice(end));
};
