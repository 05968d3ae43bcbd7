import { showText } from "./bytes.js";
import type { LogLevel } from "./scenario.js";
import type { LogLine } from "./recording.js";

/**
 * The layout that `parseLog` reads: record separator, level, thread, logger, message, unit separator.
 *
 * The marks tell where a message with line breaks ends, and what Envoy writes beside its log.
 */
export const logFormat = "\u001e%l|%t|%n|%v\u001f";

/** One message of Envoy's log, in the order of the file. */
export interface RawLine {
  readonly thread: number;
  readonly line: LogLine;
}

export interface ParsedLog {
  readonly lines: readonly RawLine[];
  /** Text between messages: usage errors, the reason for an exit. */
  readonly beside: readonly string[];
}

const guestLine = /^wasm log ?(.*?): ([^]*)$/;

/** Reads Envoy's standard error. */
export function parseLog(bytes: Buffer): ParsedLog {
  const lines: RawLine[] = [];
  const beside: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = bytes.indexOf(0x1e, at);
    beside.push(...plainLines(bytes.subarray(at, start < 0 ? bytes.length : start)));
    if (start < 0) break;
    const end = bytes.indexOf("\u001f\n", start);
    // A crash may cut the last message.
    lines.push(parseMessage(bytes.subarray(start + 1, end < 0 ? bytes.length : end)));
    at = end < 0 ? bytes.length : end + 2;
  }
  return { lines, beside };
}

const plainLines = (bytes: Buffer): string[] =>
  showText(bytes)
    .split("\n")
    .filter((line) => line.trim() !== "");

function parseMessage(bytes: Buffer): RawLine {
  const text = showText(bytes);
  const [level = "", thread = "", logger = ""] = text.split("|", 3);
  const message = text.slice(level.length + thread.length + logger.length + 3);
  const [, prefix, said] = (logger === "wasm" && guestLine.exec(message)) || [];
  const line: LogLine =
    prefix === undefined || said === undefined
      ? { level: level as LogLevel, logger, message }
      : { level: level as LogLevel, prefix, message: said };
  return { thread: Number(thread), line };
}
