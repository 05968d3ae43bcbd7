import type { LogRecord } from "../../host/log-book.js";
import { showText } from "../envoy/bytes.js";
import type { LogLine } from "../envoy/recording.js";

/**
 * Lines of our log as a recording has them.
 *
 * The host's own are those of Envoy's logger `wasm`, unless the prefix names another one: that of a plugin begins with a space.
 */
export function logLines(records: readonly LogRecord[]): LogLine[] {
  return records.map((record) => {
    const level = record.levelName === "warn" ? "warning" : record.levelName;
    const { prefix } = record;
    const message = showText(record.bytes);
    if (record.source !== "host") return { level, prefix: prefix.trimStart(), message };
    return { level, logger: prefix === "" || prefix.startsWith(" ") ? "wasm" : prefix, message };
  });
}
