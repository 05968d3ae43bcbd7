import { HarnessError } from "../../errors.js";
import type { Callout, GrpcCall, GrpcEvents, Refusal } from "../../host/callouts.js";
import type { Clock } from "../../host/services/clock.js";
import type { CallRecord } from "./http-calls.js";
import type { Cluster } from "./peers.js";

export interface GrpcScope {
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly clock: Clock;
  readonly onCrash: (why: string) => void;
  readonly note: (record: CallRecord) => void;
}

/** A gRPC call or stream of a plugin, to one of the proxy's clusters. */
export function grpcCall(
  call: GrpcCall,
  kind: "unary" | "stream",
  _events: GrpcEvents,
  _scope: GrpcScope,
): Callout | Refusal {
  throw new HarnessError("ILLEGAL_CALL", `Cannot start a gRPC ${kind} call to "${call.upstream}": not built yet`);
}
