import { noBytes } from "../../abi/bytes.js";
import { Status } from "../../abi/enums.js";
import { blob, returnBytesIfWanted, text } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Calls a function of the host by name. NOT_FOUND for an unknown name; else the function's own status.
 *
 * Null out-pointers mean "not wanted"; the others are written also when the function fails. INVALID_MEMORY_ACCESS.
 * [S] v0.2.1 #proxy_call_foreign_function [H]
 */
export const proxyCallForeignFunction = hostcall(
  { name: "proxy_call_foreign_function", params: { name: text, arguments: blob, result: returnBytesIfWanted } },
  (call, args) => {
    const run = call.process.foreignFunctions.get(args.name);
    if (run === undefined) return Status.NotFound;
    const answer = run(args.arguments, call.acting);
    if (typeof answer === "number") return { status: answer, result: noBytes };
    return answer instanceof Uint8Array ? { result: answer } : answer;
  },
);
