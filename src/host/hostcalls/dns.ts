import { returnTokenProbed, text } from "../../vm/parameters.js";
import { ReadOnlyBuffer } from "../contexts.js";
import { hostcall } from "../hostcall.js";
import { dnsResult } from "../services/dns.js";

/**
 * Asks for the addresses of a name; `envoy_on_resolve_dns` of the root brings them in buffer 8, never at once.
 *
 * The token's place is written before anything else: INVALID_MEMORY_ACCESS has no side effect. OK always; a name that is not
 * found is answered with no address. Tokens of a VM are 2, 3, 4 … [E]
 */
export const envoyResolveDns = hostcall(
  { name: "envoy_resolve_dns", params: { name: text, token: returnTokenProbed } },
  (call, { name }) => {
    const { root } = call.acting;
    const token = call.calls.reserveDns();
    const found = dnsResult(call.process.resolveDns(name));
    call.process.clock.schedule(0, () => {
      call.calls.dnsAnswered();
      if (root === undefined || root.deleted) return;
      root.lastBuffer = new ReadOnlyBuffer(found);
      call.notify(call.callbacks.envoy_on_resolve_dns, root, token, found.length);
    });
    return { token };
  },
);
