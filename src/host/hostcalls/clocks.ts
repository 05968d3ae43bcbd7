import { returnU64 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/** Nanoseconds since the Unix epoch, as u64. INVALID_MEMORY_ACCESS. [S] v0.2.1 #clocks */
export const proxyGetCurrentTimeNanoseconds = hostcall(
  { name: "proxy_get_current_time_nanoseconds", params: { time: returnU64 } },
  (call) => ({ time: call.process.clock.readWallNs() }),
);
