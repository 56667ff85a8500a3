/**
 * What is run in a context before the code of a model: it makes `console`, and gives back what reads results and errors. It keeps
 * what it needs of the language's own, because code may change everything that it can reach. It cannot reach `print`.
 */
export const QUICKJS_PRELUDE = `
"use strict";
(print, maxChars) => {
  const { stringify } = JSON;
  const Text = String, Failure = Error, Table = Map, Bag = Set;
  const MAX_THROWN_CHARS = 2000;
  const cut = Function.prototype.call.bind(String.prototype.slice);

  // What JSON has no word for and models return all the same.
  const plain = (_key, value) => {
    if (typeof value === "bigint") return Text(value);
    if (value instanceof Table || value instanceof Bag) return [...value];
    return value;
  };

  const show = (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "bigint") return Text(value) + "n";
    if (typeof value === "function") return "[Function " + value.name + "]";
    if (typeof value !== "object" || value === null) return Text(value);
    if (value instanceof Failure) return value.name + ": " + value.message;
    try {
      return stringify(value, plain) ?? Text(value);
    } catch (thrown) {
      return "[" + Text(thrown) + "]";
    }
  };

  const log = (...values) => {
    let line = "";
    for (let at = 0; at < values.length; at += 1) line += (at === 0 ? "" : " ") + show(values[at]);
    // One more than may be is enough to know that it is too much.
    print(stringify(cut(line, 0, maxChars + 1) + "\\n"));
  };
  // Another clock than Date.
  delete globalThis.performance;
  globalThis.console = { log, info: log, debug: log, warn: log, error: log };

  const part = (value) => {
    const text = Text(value);
    return cut(text, 0, MAX_THROWN_CHARS);
  };
  const describe = (thrown) => {
    if (!(thrown instanceof Failure)) return stringify({ name: "thrown", message: part(show(thrown)), stack: "" });
    return stringify({ name: part(thrown.name), message: part(thrown.message), stack: part(thrown.stack) });
  };

  const result = async (evaluated) => {
    const { value } = await evaluated;
    const settled = await value;
    let json;
    try {
      json = stringify(settled, plain);
    } catch (thrown) {
      throw new Failure("The result cannot be given back as JSON: " + show(thrown));
    }
    if (json !== undefined && json.length > maxChars) {
      throw new Failure("The result is too large: " + json.length + " characters as JSON, of at most " + maxChars + ".");
    }
    return json;
  };
  return { describe, result };
};
`;
