import type { LogLevel } from "../../abi/enums.js";
import { Status } from "../../abi/enums.js";
import type { Parameter } from "../../vm/parameters.js";
import { returnU32 } from "../../vm/parameters.js";
import type { Hostcall } from "../hostcall.js";
import { hostcall, logLevel } from "../hostcall.js";

/** The message: its bytes are copied into the log's own memory, and what the body gets is their number. */
const message: Parameter<number, never> & { readonly decode: string } = {
  wasm: ["i32", "i32"],
  parts: ["pointer", "size"],
  doc: "bytes",
  decode: "scope.process.log.takeText(memory, $0, $1)",
  show: ((text: number | string) => (typeof text === "string" ? text : `${text} bytes`)) as (value: never) => string,
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
    (call, { level, message: length }) => {
      call.logTaken(level as LogLevel, length);
      return Status.Ok;
    },
  ),
  notesItself: true,
};

/** The level below which the host drops lines, 0 to 5. INVALID_MEMORY_ACCESS. [S] v0.2.1 #proxy_get_log_level */
export const proxyGetLogLevel = hostcall({ name: "proxy_get_log_level", params: { level: returnU32 } }, (call) => ({
  level: call.process.logLevel,
}));
