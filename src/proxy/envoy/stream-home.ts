import type { ByteString } from "../../abi/bytes.js";
import type { HostProcess } from "../../host/process.js";
import type { Clock } from "../../host/services/clock.js";
import type { HttpFilter } from "../http-filter.js";
import type { EnvoyStream } from "./attributes.js";
import type { PluginHandle } from "./plugin-handle.js";
import type { Profile } from "./profiles.js";
import type { ProxyInfo } from "./proxy-info.js";
import type { AccessEntry, ProxySettings } from "./settings.js";

/** What connections and streams need of the proxy around them. */
export interface StreamHome {
  readonly settings: Pick<ProxySettings, "listener" | "virtualHosts" | "clusters" | "properties">;
  readonly profile: Profile;
  readonly clock: Clock;
  /** What properties of all streams show. */
  readonly info: ProxyInfo;
  readonly accessLog: AccessEntry[];
  /** `x-request-id` of a request that has none. */
  readonly requestId: () => ByteString;
  /** `date` of a response that has none. */
  readonly date: () => ByteString;
  /** The filters of a new stream. */
  filters(worker: HostProcess, info: EnvoyStream): HttpFilter[];
  /** The filters of a cluster. */
  upstreamFilters(worker: HostProcess, cluster: string, info: EnvoyStream): HttpFilter[];
  /** Plugins that log access. */
  loggers(worker: HostProcess): readonly PluginHandle[];
  /** A line of Envoy's ENVOY_BUG. */
  bug(thread: HostProcess, what: string): void;
}
