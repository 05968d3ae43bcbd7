import { returnBytes, returnU32 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Code and message of the root's last call: after a failed one 11 and "reset", or a gRPC status and its message.
 *
 * The code stays until another call fails; the message does not outlive its callback. INVALID_MEMORY_ACCESS. [E]
 */
export const proxyGetStatus = hostcall(
  { name: "proxy_get_status", params: { code: returnU32, message: returnBytes } },
  (call) => {
    const root = call.acting.root;
    return { code: root?.statusCode ?? 0, message: root?.statusMessage ?? "" };
  },
);
