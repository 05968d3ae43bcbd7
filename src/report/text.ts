import type { ByteString } from "../abi/bytes.js";
import { bytesOf } from "../abi/bytes.js";

const strict = new TextDecoder("utf-8", { fatal: true });

/** Bytes as UTF-8 text, or undefined when they are not. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A byte string for a terminal: UTF-8 where it is that, controls escaped so that nothing moves the cursor. */
export function printable(text: ByteString): string {
  const shown = utf8Text(bytesOf(text)) ?? text;
  return escapeControls(shown);
}

/** Control characters as escapes, except those given. */
export function escapeControls(text: string, keep = ""): string {
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) =>
    keep.includes(c) ? c : `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** A body in a few lines: text as it is, bytes as a count and a hex start; long ones cut. */
export function bodyPreview(bytes: Uint8Array, most = 400): string {
  const text = utf8Text(bytes.subarray(0, Math.min(bytes.length, most)));
  const cut = bytes.length > most ? `… (${count(bytes.length, "byte")})` : "";
  // oxlint-disable-next-line no-control-regex -- tells binary from text
  if (text !== undefined && !/[\u0000-\u0008\u000e-\u001f]/.test(text)) return escapeControls(text, "\n\t") + cut;
  return `${count(bytes.length, "byte")}: ${Buffer.from(bytes.subarray(0, 32)).toString("hex")}${bytes.length > 32 ? "…" : ""}`;
}

/** `1 byte`, `219,859 bytes`. */
export function count(number: number, what: string): string {
  return `${number.toLocaleString("en-US")} ${what}${number === 1 ? "" : "s"}`;
}

/** Milliseconds or microseconds, whichever reads better. */
export function duration(microseconds: number): string {
  if (microseconds >= 1e6) return `${(microseconds / 1e6).toFixed(2)} s`;
  if (microseconds >= 1000) return `${(microseconds / 1000).toFixed(2)} ms`;
  return `${microseconds.toFixed(microseconds < 10 ? 1 : 0)} µs`;
}
