/**
 * Byte strings: a JS string in which each character is one byte (code 0 to 255, "latin1").
 *
 * Header names and values are kept this way throughout: it loses nothing, compares fast, and prints.
 */
export type ByteString = string;

/** Methods that Node's Buffer has and its types lack: the fast ways between bytes and byte strings. */
export interface Latin1Buffer extends Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset: number, length: number): number;
}

/** The same memory as a Buffer. */
export function bufferOf(memory: ArrayBufferLike, offset?: number, length?: number): Latin1Buffer {
  return Buffer.from(memory as ArrayBuffer, offset, length) as Latin1Buffer;
}

const encoder = new TextEncoder();
const lenient = new TextDecoder("utf-8");

/** A byte string from bytes; every byte is kept. */
export function byteString(bytes: Uint8Array): ByteString {
  return bufferOf(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice();
}

/** The bytes of a byte string. Characters above 255 lose their high bits: check with `isByteString` at the door. */
export function bytesOf(text: ByteString): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Does every character stand for one byte? */
export function isByteString(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

/** UTF-8 bytes of a text, as a body or a configuration is written. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes as text for a person: UTF-8, broken sequences shown as U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

/** The text that these UTF-8 bytes stand for, as a byte string: how a terminal's argument becomes a header value. */
export function utf8ByteString(text: string): ByteString {
  return isAscii(text) ? text : byteString(encoder.encode(text));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Lower case of ASCII letters only, as Envoy does it: "Ä" keeps its bytes. */
export function lowerAscii(text: ByteString): ByteString {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
  return text;
}

/** Nothing: the one empty byte array. */
export const noBytes: Uint8Array = new Uint8Array(0);

/** Bytes whose content is arbitrary, for who writes all of them at once: large ones are not filled with zeros first. */
export function unfilledBytes(size: number): Uint8Array {
  return size < 4096 ? new Uint8Array(size) : new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

/** The parts one after the other, in a new array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = unfilledBytes(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
