import { Status } from "../../abi/enums.js";
import { u32 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Sets the period in milliseconds after which the acting context's root gets `proxy_on_tick`; 0 stops it.
 *
 * Always OK. A new value starts the wait anew. The next tick is timed when `proxy_on_tick` has returned. [S] #timers [E]
 */
export const proxySetTickPeriodMilliseconds = hostcall(
  { name: "proxy_set_tick_period_milliseconds", params: { period: u32 } },
  (call, { period }) => {
    call.setTickPeriod(call.acting.root, period);
    return Status.Ok;
  },
);
