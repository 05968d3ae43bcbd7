import { CalloutKind, Status } from "../../abi/enums.js";
import type { ByteString } from "../../abi/bytes.js";
import type { Pair } from "../../abi/pairs.js";
import { blob, bool, pairs, returnU32, text, u32 } from "../../vm/parameters.js";
import { isRefusal } from "../callouts.js";
import { hostcall } from "../hostcall.js";
import type { PluginVm } from "../plugin-vm.js";

interface GrpcRequest {
  readonly upstream: ByteString;
  readonly service: ByteString;
  readonly method: ByteString;
  readonly metadata: { readonly pairs: readonly Pair[] };
  readonly message?: Uint8Array;
  readonly timeout?: number;
}

/** Starts a call or a stream. On failure the token is not written. [E] */
function start(call: PluginVm, kind: "unary" | "stream", request: GrpcRequest): number | { token: number } {
  const root = call.acting.root;
  if (root === undefined) return Status.InternalFailure;
  const bits = kind === "unary" ? CalloutKind.GrpcCall : CalloutKind.GrpcStream;
  const token = call.calls.reserve(bits);
  const { upstream, service, method, metadata, message, timeout } = request;
  const started = call.process.callouts.grpcCall(
    {
      upstream,
      service,
      method,
      metadata: metadata.pairs,
      ...(message && { message }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
    },
    kind,
    call.grpcEvents(root, token),
  );
  if (isRefusal(started)) {
    if (!started.usesToken) call.calls.release(bits);
    else if (started.eventsFollow) call.calls.addRefused(token, root);
    return started.status;
  }
  call.calls.add(token, root, started);
  return { token };
}

/**
 * A unary gRPC call. Its answer is `proxy_on_grpc_receive` alone, or `proxy_on_grpc_close` when it failed.
 *
 * PARSE_FAILURE for an unknown upstream, INTERNAL_FAILURE when it could not be started; INVALID_MEMORY_ACCESS, for the
 * token's place only after the call was started. Tokens are 5, 9, 13 … [S] v0.2.1 #proxy_grpc_call [E]
 */
export const proxyGrpcCall = hostcall(
  {
    name: "proxy_grpc_call",
    params: {
      upstream: text,
      service: text,
      method: text,
      metadata: pairs,
      message: blob,
      timeout: u32,
      token: returnU32,
    },
  },
  (call, args) => {
    call.noteMalformed("proxy_grpc_call", args.metadata);
    return start(call, "unary", args);
  },
);

/** A gRPC stream. Tokens are 6, 10, 14 …; statuses as for `proxy_grpc_call`. [S] v0.2.1 #proxy_grpc_stream [E] */
export const proxyGrpcStream = hostcall(
  {
    name: "proxy_grpc_stream",
    params: { upstream: text, service: text, method: text, metadata: pairs, token: returnU32 },
  },
  (call, args) => {
    call.noteMalformed("proxy_grpc_stream", args.metadata);
    return start(call, "stream", args);
  },
);

/** Sends a message on a stream. BAD_ARGUMENT for a token that is no stream's, NOT_FOUND for one that is not open. [E] */
export const proxyGrpcSend = hostcall(
  { name: "proxy_grpc_send", params: { token: u32, message: blob, end_of_stream: bool } },
  (call, { token, message, end_of_stream: end }) => {
    if ((token & 3) !== CalloutKind.GrpcStream) return Status.BadArgument;
    const open = call.calls.get(token);
    if (open === undefined) return Status.NotFound;
    open.send?.(message, end);
    return Status.Ok;
  },
);

/** Ends a call or resets a stream; no callback follows. BAD_ARGUMENT for other tokens, NOT_FOUND. [E] */
export const proxyGrpcCancel = hostcall({ name: "proxy_grpc_cancel", params: { token: u32 } }, (call, { token }) =>
  end(call, token, "cancel"),
);

/** As `cancel` for a call; ends our side of a stream, on which callbacks may still come. Statuses as above. [E] */
export const proxyGrpcClose = hostcall({ name: "proxy_grpc_close", params: { token: u32 } }, (call, { token }) =>
  end(call, token, "close"),
);

function end(call: PluginVm, token: number, how: "cancel" | "close"): Status {
  const bits = token & 3;
  if (bits !== CalloutKind.GrpcCall && bits !== CalloutKind.GrpcStream) return Status.BadArgument;
  const open = call.calls.get(token);
  if (open === undefined) return Status.NotFound;
  if (how === "close" && bits === CalloutKind.GrpcStream) {
    open.closeLocal?.();
  } else {
    call.calls.remove(token);
    open.cancel();
  }
  return Status.Ok;
}
