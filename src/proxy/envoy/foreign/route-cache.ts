import { Status } from "../../../abi/enums.js";
import type { ForeignFunction } from "../../../host/foreign-function.js";

/** `clear_route_cache`: the stream's route is chosen anew when it is needed next. OK always, without a stream too. */
export const clearRouteCache: ForeignFunction = (_, context) => {
  context.stream?.clearRouteCache();
  return Status.Ok;
};
