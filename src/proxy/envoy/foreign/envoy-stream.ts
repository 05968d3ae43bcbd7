import type { Context } from "../../../host/contexts.js";
import { PluginFilter } from "../../plugin-filter.js";
import { PluginNetworkFilter } from "../../plugin-network-filter.js";
import { EnvoyStream } from "../attributes.js";

/** The filter of a context with the stream that it belongs to; undefined for a root and for the VM. */
export function envoyStreamOf(
  context: Context,
): { readonly filter: PluginFilter | PluginNetworkFilter; readonly properties: EnvoyStream } | undefined {
  const filter = context.stream;
  if (!(filter instanceof PluginFilter || filter instanceof PluginNetworkFilter)) return undefined;
  const { properties } = filter;
  return properties instanceof EnvoyStream ? { filter, properties } : undefined;
}
