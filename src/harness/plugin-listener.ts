import type { HostProcess } from "../host/process.js";
import type { Clock } from "../host/services/clock.js";
import type { EnvoyStream } from "../proxy/envoy/attributes.js";
import { BugLines } from "../proxy/envoy/bug-lines.js";
import { FailedFilter } from "../proxy/envoy/failed-filter.js";
import { HttpDate } from "../proxy/envoy/http-date.js";
import { listenerDefaults } from "../proxy/envoy/listener-defaults.js";
import type { Cluster } from "../proxy/envoy/peers.js";
import type { Profile } from "../proxy/envoy/profiles.js";
import { filterBehaviour, profileOf } from "../proxy/envoy/profiles.js";
import { ProxyInfo } from "../proxy/envoy/proxy-info.js";
import type { AccessEntry } from "../proxy/envoy/settings.js";
import type { StreamHome } from "../proxy/envoy/stream-home.js";
import type { HttpFilter } from "../proxy/http-filter.js";
import type { AnswerListener, PluginFilterOptions } from "../proxy/plugin-filter.js";
import { PluginFilter } from "../proxy/plugin-filter.js";
import type { Plugin, PluginOptions } from "./plugin.js";
import { TapFilter } from "./tap-filter.js";

/**
 * A listener of an Envoy with one plugin that is loaded already, and one upstream for everything: what `run` sends its exchanges
 * through. The plugin's calls stay where they are.
 */
export class PluginListener implements StreamHome {
  readonly settings: StreamHome["settings"];
  readonly profile: Profile;
  readonly clock: Clock;
  readonly info: ProxyInfo;
  readonly accessLog: AccessEntry[] = [];
  readonly requestId: () => string;
  readonly date: () => string;
  /** Before and behind the plugin, of the last stream. */
  before = new TapFilter();
  behind = new TapFilter();
  /** Told of every answer of the plugin. */
  onAnswer: AnswerListener | undefined = undefined;
  private readonly _plugin: Plugin;
  /** Of the last stream; undefined when the VM had failed before. */
  private _last: PluginFilter | undefined = undefined;
  private readonly _bugs = new BugLines();
  private readonly _filter: PluginFilterOptions;

  constructor(
    plugin: Plugin,
    options: PluginOptions & { readonly failOpen?: boolean },
    upstream: Cluster,
    passTrailers: boolean,
  ) {
    this._plugin = plugin;
    this.profile = profileOf(options.envoy);
    this._filter = {
      ...filterBehaviour(this.profile),
      allowOnHeadersStopIteration: options.allowOnHeadersStopIteration ?? false,
      passOnFailure: options.failOpen ?? false,
    };
    this.clock = plugin.clock;
    const clusters = new Map([[upstream.name, upstream]]);
    const virtualHosts = [
      { name: "local", domains: ["*"], routes: [{ match: { prefix: "/" }, cluster: upstream.name }] },
    ];
    const listener = { ...listenerDefaults, enableTrailers: passTrailers };
    this.settings = { listener, virtualHosts, clusters, properties: options.properties ?? {} };
    this.info = new ProxyInfo({ listener, clusters, virtualHosts, profile: this.profile });
    let requests = 0;
    this.requestId = () => `00000000-0000-4000-8000-${(++requests).toString(16).padStart(12, "0")}`;
    const date = new HttpDate(this.clock);
    this.date = () => date.now();
  }

  filters(_worker: HostProcess, info: EnvoyStream): HttpFilter[] {
    this.before = new TapFilter();
    this.behind = new TapFilter();
    this._last = undefined;
    if (this._plugin.vm.failed) return [this.before, new FailedFilter(), this.behind];
    const filter = (this._last = new PluginFilter(this._plugin.root, info, this._filter));
    filter.onAnswer = this.onAnswer;
    return [this.before, filter, this.behind];
  }

  upstreamFilters(): HttpFilter[] {
    return [];
  }

  loggers(): readonly [] {
    return [];
  }

  bug(thread: HostProcess, what: string): void {
    this._bugs.write(thread, what);
  }

  /** Did the plugin answer the last request, which ended with these details? Envoy replaces replies that it cannot send. */
  pluginReplied(details: string | undefined): boolean {
    return details !== undefined && this._last?.replyDetails === details;
  }
}
