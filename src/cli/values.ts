import { readFileSync } from "node:fs";
import type { ByteString } from "../abi/bytes.js";
import { byteString, bytesOf, lowerAscii, textOf, utf8, utf8ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { whyUnreadable } from "../harness/source.js";
import { UsageError } from "./errors.js";

/** What standard input was read for: it can be read once. */
let inputReadFor: string | undefined;

/** Text, `@file` for a file's bytes, or `@-` for standard input. `what` names the option in errors. */
export function bytesArgument(what: string, given: string): Uint8Array {
  return given.startsWith("@") ? fileArgument(what, given.slice(1)) : utf8(given);
}

/** The bytes of a file that an option names; `-` is standard input. */
function fileArgument(what: string, path: string): Uint8Array {
  if (path === "") throw new UsageError(`Cannot use ${what} "@": a file name is missing; @- reads standard input`);
  const isInput = path === "-";
  if (isInput && inputReadFor !== undefined) {
    throw new UsageError(
      `Cannot read standard input for ${what}: it was read for ${inputReadFor} already; give one of them a file`,
    );
  }
  if (isInput) inputReadFor = what;
  try {
    return readFileSync(isInput ? 0 : path);
  } catch (thrown) {
    throw new UsageError(`Cannot read ${isInput ? "standard input" : path} for ${what}: ${whyUnreadable(thrown)}`);
  }
}

/** A header as curl takes it. `removed`: `name:` without a value, which takes a default header away. */
export interface HeaderArgument {
  readonly pair: Pair;
  readonly removed: boolean;
}

/** The headers of all uses of an option: `name: value`, or `@file` with one a line, whose bytes are kept as they are. */
export function headerArguments(what: string, given: unknown): HeaderArgument[] {
  return listOf(given).flatMap((one) => {
    if (!one.startsWith("@")) return [headerArgument(what, utf8ByteString(one))];
    const lines = byteString(fileArgument(what, one.slice(1))).split(/\r?\n/);
    return lines.filter((line) => line.trim() !== "").map((line) => headerArgument(`${what} ${one}`, line));
  });
}

/** `name: value`; `name:` removes a default, `name;` is an empty value. A name may begin with a colon. */
function headerArgument(what: string, given: ByteString): HeaderArgument {
  const shown = `Cannot use ${what} ${JSON.stringify(textOf(bytesOf(given)))}`;
  const colon = given.indexOf(":", given.startsWith(":") ? 1 : 0);
  if (colon < 0) {
    if (/^[^\s;]+;$/.test(given)) return { pair: [lowerAscii(given.slice(0, -1)), ""], removed: false };
    throw new UsageError(`${shown}: it has no ${given.startsWith(":") ? "name" : "colon"}; write it as 'name: value'`);
  }
  const value = given.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  const key = lowerAscii(given.slice(0, colon).trim());
  if (key === "" || /\s/.test(key)) {
    throw new UsageError(`${shown}: "${key}" is no header name; write it as 'name: value'`);
  }
  if (hasControl.test(key) || hasControl.test(value)) {
    throw new UsageError(`${shown}: it has a control character, which no client can send`);
  }
  return { pair: [key, value], removed: value === "" };
}

// oxlint-disable-next-line no-control-regex -- controls are what this is about
const hasControl = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** `path=value`, split at the first equals sign; `form` says in errors what is wanted. */
export function assignmentArgument(what: string, given: string, form: string): [string, string] {
  const equals = given.indexOf("=");
  if (equals <= 0) throw new UsageError(`Cannot use ${what} "${given}": write it as ${form}`);
  return [given.slice(0, equals), given.slice(equals + 1)];
}

/** A whole number within bounds. */
export function numberArgument(what: string, given: unknown, least: number, most: number): number {
  const number = Number(given);
  if (/^\d+$/.test(String(given)) && number >= least && number <= most) return number;
  throw new UsageError(`Cannot use ${what} ${String(given)}: a whole number from ${least} to ${most} is wanted`);
}

/** An option that may be given several times, as a list. */
export function listOf(given: unknown): string[] {
  if (given === undefined) return [];
  return (Array.isArray(given) ? given : [given]).map(String);
}

/** A value of the request line: its UTF-8 bytes, not empty, and nothing that no header can hold. */
export function headerText(what: string, given: string): string {
  if (given === "" || hasControl.test(given)) {
    throw new UsageError(
      `Cannot use ${what} ${JSON.stringify(given)}: ${given === "" ? "it is empty" : "it has a control character"}`,
    );
  }
  return utf8ByteString(given);
}

/** The same of an option whose every use may hold several, with commas between. */
export const commaListOf = (given: unknown): string[] =>
  listOf(given)
    .flatMap((one) => one.split(","))
    .map((one) => one.trim())
    .filter((one) => one !== "");
