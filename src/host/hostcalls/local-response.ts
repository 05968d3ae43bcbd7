import { Status } from "../../abi/enums.js";
import { blob, i32, pairs, text, u32 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Answers the request in the upstream's place, once the guest has returned.
 *
 * OK always, also where there is no stream to answer (a diagnostic then tells); INVALID_MEMORY_ACCESS. The value that the
 * running callback returns is overridden by a stop. `grpc_status` -1 means not given. [S] #proxy_send_local_response [H]
 */
export const proxySendLocalResponse = hostcall(
  {
    name: "proxy_send_local_response",
    params: { status_code: u32, details: text, body: blob, headers: pairs, grpc_status: i32 },
  },
  (call, { status_code: status, details, body, headers, grpc_status: grpcStatus }) => {
    call.noteMalformed("proxy_send_local_response", headers);
    const port = call.acting.stream;
    if (port?.refusesReplies === true) return Status.BadArgument;
    if (port === undefined) {
      call.process.onDiagnostic(
        "LOCAL_RESPONSE_WITHOUT_STREAM",
        `proxy_send_local_response(${status}) has no effect: context ${call.acting.id} is no stream; call proxy_set_effective_context first`,
      );
    } else {
      const late = port.ending;
      call.defer(() => port.sendLocalResponse({ status, details, body, headers: headers.pairs, grpcStatus }, late));
    }
    call.stopIteration = true;
    return Status.Ok;
  },
);
