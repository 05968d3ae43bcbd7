import type { ForeignFunction } from "../../../host/foreign-function.js";
import { newestProfile, type Profile } from "../profiles.js";
import type { Message, Properties } from "../property-value.js";
import { plainProxy } from "../proxy-info.js";
import { compress, uncompress } from "./compression.js";
import { declareProperty } from "./declare-property.js";
import { exprCreate, exprDelete, exprEvaluate } from "./expressions.js";
import { setEnvoyFilterState } from "./filter-state.js";
import { clearRouteCache } from "./route-cache.js";
import { sign, verifySignature } from "./signatures.js";

/**
 * The functions that plugins of an Envoy can call by name: its own, and `added`, which win over those of the same name.
 *
 * They act on the effective context. [E] foreign.cc
 * @param properties Properties that are set for the whole proxy: expressions of root contexts see these.
 * @param node What they see as `xds.node`.
 */
export function foreignFunctions(
  added: Readonly<Record<string, ForeignFunction>>,
  properties: Properties,
  profile: Profile = newestProfile,
  node: Message = plainProxy.node,
): ReadonlyMap<string, ForeignFunction> {
  return new Map([
    ...(profile.clearsRouteCache ? [["clear_route_cache", clearRouteCache] as const] : []),
    ["compress", compress],
    ["declare_property", declareProperty],
    ["expr_create", exprCreate],
    ["expr_delete", exprDelete],
    ["expr_evaluate", exprEvaluate(properties, node)],
    ["set_envoy_filter_state", setEnvoyFilterState(profile)],
    ...(profile.signs ? [["sign", sign] as const] : []),
    ["uncompress", uncompress],
    ["verify_signature", verifySignature(profile)],
    ...Object.entries(added),
  ]);
}
