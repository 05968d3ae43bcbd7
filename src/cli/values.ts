import { readFileSync } from "node:fs";
import { utf8, utf8ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { messageOf } from "../errors.js";
import { UsageError } from "./errors.js";

/** Text, `@file` for a file's bytes, or `@-` for standard input. `what` names the option in errors. */
export function bytesArgument(what: string, given: string): Uint8Array {
  if (!given.startsWith("@")) return utf8(given);
  const path = given.slice(1);
  if (path === "") throw new UsageError(`Cannot use ${what} "@": a file name is missing; @- reads standard input`);
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (thrown) {
    const missing = (thrown as { code?: string }).code === "ENOENT";
    throw new UsageError(
      `Cannot read ${path === "-" ? "standard input" : path} for ${what}: ${missing ? "there is no such file" : messageOf(thrown)}`,
    );
  }
}

/** A header as curl takes it. `removed`: `name:` without a value, which takes a default header away. */
export interface HeaderArgument {
  readonly pair: Pair;
  readonly removed: boolean;
}

/** `name: value`; `name:` removes a default, `name;` is an empty value. A name may begin with a colon. */
export function headerArgument(what: string, given: string): HeaderArgument {
  const colon = given.indexOf(":", given.startsWith(":") ? 1 : 0);
  if (colon < 0) {
    if (/^[^\s;]+;$/.test(given)) return { pair: [name(given.slice(0, -1)), ""], removed: false };
    throw new UsageError(`Cannot use ${what} "${given}": it has no colon; write it as 'name: value'`);
  }
  const value = given.slice(colon + 1).trim();
  const key = name(given.slice(0, colon).trim());
  if (key === "" || /\s/.test(key)) {
    throw new UsageError(`Cannot use ${what} "${given}": "${key}" is no header name; write it as 'name: value'`);
  }
  return { pair: [key, utf8ByteString(value)], removed: value === "" };
}

const name = (text: string): string => utf8ByteString(text).toLowerCase();

/** `path=value`, split at the first equals sign. */
export function assignmentArgument(what: string, given: string): [string, string] {
  const equals = given.indexOf("=");
  if (equals <= 0) throw new UsageError(`Cannot use ${what} "${given}": write it as path=value`);
  return [given.slice(0, equals), given.slice(equals + 1)];
}

/** A whole number within bounds. */
export function numberArgument(what: string, given: unknown, least: number, most: number): number {
  const number = typeof given === "number" ? given : Number(given);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new UsageError(`Cannot use ${what} ${String(given)}: a whole number from ${least} to ${most} is wanted`);
}

/** An option that may be given several times, as a list. */
export function listOf(given: unknown): string[] {
  if (given === undefined) return [];
  return (Array.isArray(given) ? given : [given]).map(String);
}

/** A value of the request line: its UTF-8 bytes, not empty, and nothing that no header can hold. */
export function headerText(what: string, given: string): string {
  // oxlint-disable-next-line no-control-regex -- controls are what this is about
  if (given === "" || /[\u0000-\u001f\u007f]/.test(given)) {
    throw new UsageError(
      `Cannot use ${what} ${JSON.stringify(given)}: ${given === "" ? "it is empty" : "it has a control character"}`,
    );
  }
  return utf8ByteString(given);
}

/** A property path as plugins ask for it: UTF-8 bytes. */
export function utf8Key([path, value]: [string, string]): [string, string] {
  return [utf8ByteString(path), value];
}
