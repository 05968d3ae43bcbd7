import { Status } from "../../abi/enums.js";
import type { Behaviour } from "../../host/behaviour.js";

/** Envoy 1.40, the newest that was recorded. */
export const envoy140: Behaviour = {
  source: "Envoy 1.40.0",
  allocators: ["malloc", "proxy_on_memory_allocate"],
  linksOtherVersions: false,
  wasiFunctions: undefined,
  counterIncrementByZero: Status.BadArgument,
};
