import type { Plugin, PluginOptions } from "../../src/harness/plugin.js";
import { loadPlugin } from "../../src/harness/plugin.js";
import { fixture } from "./fixtures.js";

/** The probe guest with a script: it does what each line says and logs what came of it (`fixtures/probe/README.md`). */
export function probe(script: string, options: PluginOptions = {}): Promise<Plugin> {
  return loadPlugin(fixture("probe/probe.wasm"), { name: "p", rootId: "r", configuration: script, ...options });
}

/** What the probe's hostcalls came to, in order: `get 0 host -> 0 "example.com"`. */
export function hostcallLines(plugin: Plugin): string[] {
  return plugin.logs.filter(({ message }) => message.startsWith("HC ")).map(({ message }) => message.slice(3));
}

/** The callbacks the probe got from `first` on: `on_request_headers ctx=2 n=4 eos=1`. */
export function callbackLines(plugin: Plugin, first = "on_request_headers"): string[] {
  const all = plugin.logs.filter(({ message }) => message.startsWith("CB ")).map(({ message }) => message.slice(3));
  const start = all.findIndex((line) => line.startsWith(first));
  return start < 0 ? [] : all.slice(start);
}

/** The probe as a filter of `createProxy`, with a rule on each line. */
export function probeWith(...script: string[]) {
  return { module: fixture("probe/probe.wasm"), name: "p", rootId: "r", configuration: script.join("\n") };
}
