/** A part of a statement: a bare word (lower case), a name or text in quotes (without them, lower case), or anything else. */
export type SqliteToken = { readonly kind: "word" | "quoted" | "other"; readonly text: string };

/** As SQLite's own tokenizer reads (https://sqlite.org/lang_keywords.html, tokenize.c): nothing may hide from one in the other. */
const TOKEN = new RegExp(
  [
    String.raw`(?<space>\ufeff|[ \t\n\f\r]+|--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<quoted>'[^']*(?:''[^']*)*'?|"[^"]*(?:""[^"]*)*"?|` +
      "`[^`]*(?:``[^`]*)*`?" +
      String.raw`|\[[^\]]*\]?)`,
    // A parameter may end with anything in parentheses, also with a quote.
    String.raw`(?<param>\?\d*|[$@#:](?:[\w$\u0080-\uffff]|::)*(?:\([^ \t\n\v\f\r)]*\)?)?)`,
    String.raw`(?<word>[\w$\u0080-\uffff]+)`,
    String.raw`[\s\S]`,
  ].join("|"),
  "g",
);

/** What a statement consists of, without spaces and comments. */
export const tokensOf = (sql: string): readonly SqliteToken[] =>
  [...sql.matchAll(TOKEN)].flatMap(({ 0: text, groups }): readonly SqliteToken[] => {
    if (groups?.["space"] !== undefined) return [];
    if (groups?.["quoted"] !== undefined) return [{ kind: "quoted", text: unquoted(text) }];
    if (groups?.["word"] !== undefined) return [{ kind: "word", text: text.toLowerCase() }];
    return [{ kind: "other", text }];
  });

const unquoted = (text: string): string => {
  const quote = text.charAt(0);
  return text.slice(1, -1).replaceAll(quote.repeat(2), quote).toLowerCase();
};
