import type { ClusterName, PluginSpec, Scenario } from "./scenario.js";

/** Where things are that the bootstrap names. */
export interface Places {
  /** Ports of the origins. */
  readonly ports: Readonly<Partial<Record<ClusterName, number>>>;
  /** Folder of the modules that a scenario names without a path. */
  readonly modules: string;
  readonly accessLog: string;
}

/** Plugins that stand at one place. */
export function pluginsOf(scenario: Scenario, kind: NonNullable<PluginSpec["kind"]>): readonly PluginSpec[] {
  return (scenario.plugins ?? []).filter((plugin) => (plugin.kind ?? "http") === kind);
}

/** Milliseconds as a protobuf Duration in JSON. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)}s`;
