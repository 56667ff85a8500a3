import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdsSecret } from "./file-blobs.ts";
import { Redactor } from "./redactor.ts";

const SECRETS = ["pa$$wörd/1234+xyz", "c2VjcmV0IHRleHQ=", 'tok"en\\n-äöü€', "plainsecret"];

const redactorOf = (secrets: readonly string[]): Redactor => {
  const redactor = new Redactor();
  for (const [index, secret] of secrets.entries()) redactor.learn(`s${index}`, secret);
  return redactor;
};

/** What is so by definition: its text, or that in Base64, would be changed. */
const wouldChange = (redactor: Redactor, bytes: Uint8Array): boolean =>
  (["utf8", "base64"] as const).some((encoding) => {
    const text = Buffer.from(bytes).toString(encoding);
    return redactor.text(text) !== text;
  });

/** A secret as a file may have it, whole or in part. */
const PIECE = fc
  .record({
    secret: fc.constantFrom(...SECRETS),
    how: fc.constantFrom("plain", "encoded", "json", "base64", "decoded", "part"),
    before: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ secret, how, before }) => {
    switch (how) {
      case "encoded":
        return Buffer.from(encodeURIComponent(secret));
      case "json":
        return Buffer.from(JSON.stringify(secret));
      case "base64":
        return Buffer.from(Buffer.from(`${"x".repeat(before)}${secret}y`).toString("base64"));
      case "decoded":
        return Buffer.from(secret, "base64");
      case "part":
        return Buffer.from(secret.slice(0, 7));
      default:
        return Buffer.from(secret);
    }
  });

const FILE = fc
  .array(fc.oneof(fc.uint8Array({ maxLength: 9 }), PIECE, fc.constant(Buffer.from("…"))), { maxLength: 4 })
  .map((pieces) => Buffer.concat(pieces));

describe("O2 a file holds a secret", () => {
  it("where its text would be changed, or its text in Base64", () => {
    const redactor = redactorOf(SECRETS);
    const seen = { yes: 0, no: 0 };
    fc.assert(
      fc.property(FILE, (bytes) => {
        const expected = wouldChange(redactor, bytes);
        seen[expected ? "yes" : "no"] += 1;
        expect(holdsSecret(redactor, bytes)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(100);
  });

  it.each([
    ["a whole one", "key: plainsecret.", true],
    ["the beginning of one where it is cut", "key: plainsec…", true],
    ["the beginning of one that goes on otherwise", "key: plainsec", false],
    ["none, cut", "nothing…", false],
    ["nothing", "", false],
  ])("or not: %s", (_, text, holds) => {
    expect(holdsSecret(redactorOf(SECRETS), Buffer.from(text))).toBe(holds);
  });

  it("never where none is known", () => {
    expect(holdsSecret(redactorOf([]), Buffer.from("plainsecret…"))).toBe(false);
  });
});
