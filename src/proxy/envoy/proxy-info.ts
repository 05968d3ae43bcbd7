import type { NodeSettings } from "./config-messages.js";
import { metadataMessage, nodeMessage } from "./config-messages.js";
import type { Profile } from "./profiles.js";
import { newestProfile } from "./profiles.js";
import type { Message } from "./property-value.js";
import type { HostFacts } from "./peers.js";
import type { ListenerSettings, VirtualHost } from "./settings.js";

/** What properties show of a cluster. */
export interface ClusterFacts {
  readonly hosts: readonly HostFacts[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface ProxyFacts {
  readonly node?: NodeSettings;
  readonly listener?: Pick<ListenerSettings, "direction" | "metadata" | "filterChainName">;
  readonly clusters?: ReadonlyMap<string, ClusterFacts>;
  readonly virtualHosts?: readonly VirtualHost[];
  readonly dynamicMetadata?: Readonly<Record<string, unknown>>;
  readonly profile?: Profile;
}

/** What all streams of a proxy have in common, for properties. */
export class ProxyInfo {
  readonly node: Message;
  readonly listenerMetadata: Message;
  readonly listenerDirection: number;
  readonly filterChainName: string;
  readonly dynamicMetadata: Message;
  readonly profile: Profile;
  private readonly _clusters: ReadonlyMap<string, ClusterFacts> | undefined;

  /** @throws {HarnessError} OPTION_INVALID for metadata that JSON does not have. */
  constructor({
    node = {},
    listener,
    clusters,
    virtualHosts,
    dynamicMetadata,
    profile = newestProfile,
  }: ProxyFacts = {}) {
    this.node = nodeMessage(node);
    this.listenerMetadata = metadataMessage(listener?.metadata);
    this.listenerDirection = listener?.direction ?? 0;
    this.filterChainName = listener?.filterChainName ?? "";
    this.dynamicMetadata = metadataMessage(dynamicMetadata);
    this.profile = profile;
    this._clusters = clusters;
    // what is wrong in metadata is told now
    for (const { metadata, hosts } of clusters?.values() ?? []) {
      for (const one of [metadata, ...hosts.flatMap((host) => [host.metadata, host.localityMetadata])])
        metadataMessage(one);
    }
    for (const { metadata, routes } of virtualHosts ?? []) {
      for (const one of [metadata, ...routes.map((route) => route.metadata)]) metadataMessage(one);
    }
  }

  cluster(name: string | undefined): ClusterFacts | undefined {
    return name !== undefined && this._clusters?.has(name) === true ? this._clusters.get(name) : undefined;
  }
}

/** A proxy of which nothing is said: a stream driven by hand. */
export const plainProxy = new ProxyInfo();
