import { LogLevel } from "../abi/enums.js";
import { HarnessError } from "../errors.js";
import type { PluginHome } from "../proxy/envoy/plugin-handle.js";
import { notInstantiated } from "../host/linker.js";
import { loadOn } from "../proxy/envoy/plugin-handle.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import { ManualCallouts } from "./calls.js";
import { newHome } from "./home.js";
import { configurationBytes } from "./option-values.js";
import type { Finding, PreflightOptions, Step } from "./preflight.js";
import type { Target } from "./preflight-targets.js";

const defaultBudgetMs = 10_000;
const notConfigured = "Wasm VM failed Failed to configure base Wasm plugin";

/** Starts the module once, as the release would: start functions, on_vm_start, on_configure. */
export async function loadOnce(
  module: LoadedModule,
  { profile }: Target,
  options: PreflightOptions & { readonly name: string },
): Promise<Step> {
  const { budgetMs = defaultBudgetMs, configuration } = options;
  const { process, guard } = newHome(
    { envoy: profile.release, budgetMs, logLevel: "info" },
    (clock) => new ManualCallouts(clock),
  );
  const home: PluginHome = {
    guard,
    trace: false,
    active: 0,
    vms: new Map(),
    fetches: { entries: 0, successes: 0, failures: 0 },
    reloads: new Map(),
    random: () => 0,
  };
  const config = {
    name: options.name,
    rootId: options.rootId ?? "",
    vmId: options.vmId ?? "",
    module,
    configuration: configurationBytes(configuration),
    vmConfiguration: configurationBytes(options.vmConfiguration),
    environment: options.environment ?? {},
  };
  let failure: HarnessError | undefined;
  try {
    await loadOn(config, process, home, { created: 0, active: 0 });
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    failure = thrown;
  }
  const { records } = process.log;
  const said = records.filter(({ source, level }) => source !== "host" && level >= LogLevel.Warn);
  const findings = said.slice(0, 5).map(({ levelName, line }): Finding => {
    return { level: "note", code: "GUEST_LOG", message: `While it starts it logs at ${levelName}: ${line}` };
  });
  if (failure === undefined) return { loads: "yes", findings, lines: [] };
  const { code, message } = failure;
  if (code === "GUEST_TIMEOUT") {
    return { loads: "unknown", findings: [...findings, { level: "warning", code, message }], lines: [] };
  }
  const lines = records.filter(({ source }) => source === "host").map(({ line }) => line);
  if (lines.includes(notConfigured) && configuration === undefined) {
    const advice = "It does not take an empty configuration; give the one that it is to have, to have that tried";
    return { loads: "unknown", findings: [...findings, { level: "warning", code, message: advice }], lines: [] };
  }
  // [R] what a start section does wrong is no trap to Envoy: the instance is not made
  const start = lines.findIndex((line) => line.startsWith("Function: (start section) failed"));
  if (start >= 0) lines.splice(start, 1, notInstantiated, "Wasm VM failed Failed to initialize Wasm code");
  return { loads: "no", findings: [{ level: "error", code, message }, ...findings], lines };
}
