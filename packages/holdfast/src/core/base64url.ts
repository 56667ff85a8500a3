const ALPHABET = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", (letter) =>
  letter.charCodeAt(0),
);

/** Bytes as base64url without padding (RFC 4648 §5). For digests: short, and made for every event. */
export const toBase64Url = (bytes: Uint8Array): string => {
  const codes: number[] = [];
  for (let index = 0; index < bytes.length; index += 3) {
    const first = bytes[index] ?? 0;
    const second = bytes[index + 1];
    const third = bytes[index + 2];
    codes.push(code(first >> 2), code(((first & 3) << 4) | ((second ?? 0) >> 4)));
    if (second !== undefined) codes.push(code(((second & 15) << 2) | ((third ?? 0) >> 6)));
    if (third !== undefined) codes.push(code(third & 63));
  }
  return String.fromCharCode(...codes);
};

const code = (value: number): number => ALPHABET[value] ?? 0;
