import { Status, StreamType } from "../../abi/enums.js";
import type { PluginVm } from "../plugin-vm.js";
import { hostcall, streamType } from "../hostcall.js";

/**
 * Lets a paused stream go on once the guest has returned. OK also where there is nothing to continue, or no stream.
 *
 * BAD_ARGUMENT for types above 3; UNIMPLEMENTED for the upstream of a TCP connection. [S] #proxy_continue_stream [E]
 */
export const proxyContinueStream = hostcall(
  { name: "proxy_continue_stream", params: { stream: streamType } },
  (call, { stream }) => continueStream(call, stream as StreamType),
);

/**
 * Closes a stream once the guest has returned: an HTTP stream is reset, a TCP connection closed after a flush. OK always.
 *
 * BAD_ARGUMENT for types above 3. [S] v0.2.1 #proxy_close_stream [E]
 */
export const proxyCloseStream = hostcall(
  { name: "proxy_close_stream", params: { stream: streamType } },
  (call, { stream }) => {
    const port = call.acting.stream;
    if (port !== undefined) {
      const late = port.ending;
      port.noteClose(stream as StreamType);
      call.defer(() => port.closeStream(stream as StreamType, late));
    }
    return Status.Ok;
  },
);

/** 0.1.0 only: `proxy_continue_stream(request)`. */
export const proxyContinueRequest = hostcall({ name: "proxy_continue_request", params: {} }, (call) =>
  continueStream(call, StreamType.Request),
);

/** 0.1.0 only: `proxy_continue_stream(response)`. */
export const proxyContinueResponse = hostcall({ name: "proxy_continue_response", params: {} }, (call) =>
  continueStream(call, StreamType.Response),
);

/** 0.1.0 only: the next look at the route matches it anew. Later versions have a foreign function for it. OK always. */
export const proxyClearRouteCache = hostcall({ name: "proxy_clear_route_cache", params: {} }, (call) => {
  call.acting.stream?.clearRouteCache();
  return Status.Ok;
});

function continueStream(call: PluginVm, type: StreamType): Status {
  if (type === StreamType.Upstream) return Status.Unimplemented;
  const port = call.acting.stream;
  if (port !== undefined) {
    const late = port.ending;
    port.noteContinue(type);
    call.defer(() => port.continueStream(type, late));
  }
  return Status.Ok;
}
