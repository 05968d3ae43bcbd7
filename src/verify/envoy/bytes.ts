import { createHash } from "node:crypto";
import type { BodySpec } from "./scenario.js";

/** The bytes of one text of a scenario: UTF-8, or `rep:N:c`, `hex:…`, `b64:…`. */
export function bytesOf(text: string): Buffer {
  const [, times, character] = /^rep:(\d+):(.)$/su.exec(text) ?? [];
  if (times !== undefined && character !== undefined) return Buffer.from(character.repeat(Number(times)));
  if (text.startsWith("hex:")) return Buffer.from(text.slice(4), "hex");
  if (text.startsWith("b64:")) return Buffer.from(text.slice(4), "base64");
  return Buffer.from(text);
}

export function chunksOf(body: BodySpec | null | undefined): Buffer[] {
  if (body === undefined || body === null) return [];
  return typeof body === "string" ? [bytesOf(body)] : body.map(bytesOf);
}

/** More bytes than this are shown by head, length and hash. */
const shownInFull = 2000;

/** Bytes as a recording has them: UTF-8 as text, other bytes as `\xHH`, a long body as its first 64 bytes, length and SHA-256. */
export function showBytes(bytes: Uint8Array): string {
  if (bytes.length <= shownInFull) return showText(bytes);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return `${showText(bytes.subarray(0, 64))}...len=${bytes.length},sha256=${hash}`;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 as text, other bytes as `\xHH`. */
export function showText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Array.from(splitUtf8(bytes), (part) =>
      typeof part === "number" ? `\\x${part.toString(16).padStart(2, "0")}` : utf8.decode(part),
    ).join("");
  }
}

/** Well-formed characters one by one, and each byte that belongs to none. */
function* splitUtf8(bytes: Uint8Array): Generator<Uint8Array | number> {
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at] ?? 0;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const character = bytes.subarray(at, at + length);
    if (character.length === length && isCharacter(character)) {
      yield character;
      at += length;
    } else {
      yield lead;
      at++;
    }
  }
}

function isCharacter(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
