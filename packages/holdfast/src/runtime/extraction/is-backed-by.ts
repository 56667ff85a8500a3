import type { RunLine } from "../../engine/run-lines.ts";

type Backing = { readonly evidence: readonly RunLine[]; readonly lines: readonly RunLine[] };

/**
 * Whether a statement can be the user's own. It cites something that the user said; and no name, number or address in it was said by
 * a tool and not by the user, so that what a stranger wrote is not vouched for by citing another line.
 */
export const isBackedBy = (text: string, { evidence, lines }: Backing): boolean => {
  if (!evidence.some(({ who }) => who === "user")) return false;
  const byUser = tokensOf(lines, "user");
  const byTools = tokensOf(lines, "tool");
  return namesIn(text).every((name) => byUser.has(name) || !byTools.has(name));
};

const TOKEN = /[\p{L}\p{N}][\p{L}\p{N}@._+/:-]*[\p{L}\p{N}]|[\p{L}\p{N}]/gu;

const tokensOf = (lines: readonly RunLine[], who: RunLine["who"]): ReadonlySet<string> =>
  new Set(lines.flatMap((line) => (line.who === who ? (line.text.match(TOKEN) ?? []) : [])).map(plain));

const plain = (token: string): string => token.normalize("NFKC").toLowerCase();

/** Words that are no common ones: with a capital letter that does not begin the statement, a digit, or a sign in them. */
const namesIn = (text: string): readonly string[] =>
  (text.match(TOKEN) ?? []).filter((token, index) => isName(token, index)).map(plain);

const isName = (token: string, index: number): boolean =>
  /[\p{N}@._+/:]/u.test(token) || (index > 0 && /^\p{Lu}/u.test(token));
