import type { LogLevel } from "../../abi/enums.js";
import { Status } from "../../abi/enums.js";
import type { Parameter } from "../../vm/parameters.js";
import { quote, returnU32 } from "../../vm/parameters.js";
import { byteString } from "../../abi/bytes.js";
import type { Hostcall } from "../hostcall.js";
import { hostcall, logLevel } from "../hostcall.js";
import { LogRecord } from "../log-book.js";

/** The message, copied into the log's own memory; decoded when somebody reads it. */
const message: Parameter<LogRecord, never> & { readonly decode: string } = {
  wasm: ["i32", "i32"],
  parts: ["pointer", "size"],
  doc: "bytes",
  decode: "scope.process.log.fromGuest(memory, $0, $1)",
  show: ((record: LogRecord) => quote(byteString(record.bytes))) as (value: never) => string,
};

/**
 * Logs a line under the acting context. Lines below the host's level are dropped without a word.
 *
 * BAD_ARGUMENT for a level above 5, checked before the message; INVALID_MEMORY_ACCESS. An empty message is a line too.
 * [S] v0.2.1 #proxy_log
 */
export const proxyLog: Hostcall = {
  ...hostcall(
    { name: "proxy_log", params: { level: logLevel, message }, phases: { start: true, allocator: true } },
    (call, args) => {
      call.logRecord(args.message, args.level as LogLevel, "guest");
      return Status.Ok;
    },
  ),
  notedBy: "message",
};
LogRecord.hostcall = proxyLog;

/** The level below which the host drops lines, 0 to 5. INVALID_MEMORY_ACCESS. [S] v0.2.1 #proxy_get_log_level */
export const proxyGetLogLevel = hostcall({ name: "proxy_get_log_level", params: { level: returnU32 } }, (call) => ({
  level: call.process.logLevel,
}));
