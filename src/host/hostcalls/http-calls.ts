import { CalloutKind, Status } from "../../abi/enums.js";
import { blob, i32, pairs, returnTokenProbed, text } from "../../vm/parameters.js";
import { isRefusal } from "../callouts.js";
import { hostcall } from "../hostcall.js";

/**
 * Sends an HTTP request to an upstream; `proxy_on_http_call_response` of the root brings the answer, never at once.
 *
 * The token's place is written with 0 before anything else: INVALID_MEMORY_ACCESS has no side effect. BAD_ARGUMENT for a
 * negative timeout, an unknown upstream, or without `:method`, `:path` and `:authority`; INTERNAL_FAILURE when it could not
 * be started. Tokens of a VM are 4, 8, 12 … [S] v0.2.1 #proxy_http_call [E]
 */
export const proxyHttpCall = hostcall(
  {
    name: "proxy_http_call",
    params: { upstream: text, headers: pairs, body: blob, trailers: pairs, timeout: i32, token: returnTokenProbed },
  },
  (call, { upstream, headers, body, trailers, timeout }) => {
    call.noteMalformed("proxy_http_call", headers);
    call.noteMalformed("proxy_http_call", trailers);
    const root = call.acting.root;
    if (root === undefined) return { status: Status.InternalFailure, token: 0 };
    const token = call.calls.reserve(CalloutKind.HttpCall);
    const started = call.process.callouts.httpCall(
      { upstream, headers: headers.pairs, body, trailers: trailers.pairs, timeoutMs: timeout },
      (answer) => call.whenIdle(() => call.answerHttpCall(root, token, answer)),
    );
    if (isRefusal(started)) {
      if (!started.usesToken) call.calls.release(CalloutKind.HttpCall);
      return { status: started.status, token: 0 };
    }
    call.calls.add(token, root, started);
    return { token };
  },
);
