import { Status } from "../../abi/enums.js";
import { u32 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Makes the hostcalls of the running callback act on another context; 0 takes this back. It ends with the callback.
 *
 * BAD_ARGUMENT for an id that no context has now. [S] v0.2.1 #proxy_set_effective_context
 */
export const proxySetEffectiveContext = hostcall(
  { name: "proxy_set_effective_context", params: { context: u32 } },
  (call, { context }) => (call.setEffectiveContext(context) ? Status.Ok : Status.BadArgument),
);

/**
 * The plugin, whose `proxy_on_done` answered false, is done now: `proxy_on_delete` follows when the guest has returned.
 *
 * NOT_FOUND unless the acting context's root is waiting for it. [S] v0.2.1 #proxy_done
 */
export const proxyDone = hostcall({ name: "proxy_done", params: {} }, (call) => {
  const root = call.acting.root;
  if (root === undefined || !root.awaitsDone) return Status.NotFound;
  root.awaitsDone = false;
  call.defer(() => call.deleteContext(root));
  return Status.Ok;
});
